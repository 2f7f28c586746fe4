"""The verbs that set credits aside while work is done."""

from __future__ import annotations

from ..books import holds
from ..books.uses import Use
from ..database.types import Quantities
from ..held_credits import HeldCredits
from ..prices import Price, use_at
from ..tables import Hold
from .base import Verbs


class Holding(Verbs):
    """Credits that are held, and then captured or given back."""

    def hold(
        self,
        owner: str,
        credits: int | None = None,
        *,
        key: str,
        spender: str | None = None,
        item: str | None = None,
        quantity: Quantities | None = None,
        price_version: str | None = None,
        price: Price | None = None,
    ) -> HeldCredits:
        """Set credits aside while work is done, and commit.

        In a ``with`` block, what was not captured goes back at its end. Without one, end it by ``capture`` or
        ``release``, in any process; else it ends by itself after the ledger's ``hold_expires_after``.

        :param credits: How many; without a price, it has to be said.
        :param spender: Who spends for the owner: ``key:17``, ``member:5``. Budgets and usage are by it.
        :param item: What is bought: ``report``, ``gpt-x``.
        :param quantity: How much of it: a whole number, or one for each unit by its name.
        :param price_version: The price list that made credits of it.
        :param price: What ``Rates.price`` made: it says credits, item, quantity and version by itself.
        :raises ValueError: One of them is none that a hold can have, or the price is 0.
        :raises InsufficientCredits: Fewer are available.
        :raises WalletBlocked: The wallet owes credits, and the ledger's ``debt_blocks`` is set.
        :raises BudgetExceeded: A budget of the spender or of the wallet has fewer left.
        :raises KeyReused: The key holds another number of credits, or for another use.
        :raises Busy: The database did not get to it.
        """
        credits, item, quantity, price_version = use_at(price, credits, item, quantity, price_version)
        if credits is None:
            raise ValueError("a hold says how many credits: give credits or a price")
        setup = self.setup
        held = self._alone(
            holds.hold,
            owner,
            credits,
            key=key,
            use=Use(spender, item, quantity, price_version),
            expires_after=setup.hold_expires_after,
            clock=setup.clock,
            debt_blocks=setup.debt_blocks,
        )
        return HeldCredits(self, owner, held)

    def capture(
        self,
        owner: str,
        *,
        key: str,
        credits: int | None = None,
        quantity: Quantities | None = None,
        price_version: str | None = None,
        price: Price | None = None,
    ) -> Hold:
        """Take ``credits`` of a hold, all by default; the rest goes back. Commits.

        :param quantity: How much it was in the end; by default what the hold says. So is ``price_version``.
        :param price: What it costs in the end, by ``Rates.price``: it says all of these by itself.
        :raises HoldClosed: It has ended otherwise, or there is none.
        :raises ValueError: More is captured than is held, or the price is another item's than the hold.
        """
        credits, item, quantity, price_version = use_at(price, credits, None, quantity, price_version)
        return self._alone(
            holds.capture,
            owner,
            key=key,
            credits=credits,
            item=item,
            quantity=quantity,
            price_version=price_version,
            clock=self.setup.clock,
        )

    def release(self, owner: str, *, key: str) -> Hold:
        """Give back all of a hold. Commits. Ended without a capture already, it moves nothing.

        :raises HoldClosed: It was captured, or there is none.
        """
        return self._alone(holds.release, owner, key=key, clock=self.setup.clock)
