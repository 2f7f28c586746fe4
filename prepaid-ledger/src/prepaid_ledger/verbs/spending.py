"""The verbs that take credits for what is delivered, and that give them back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import Insert

from ..books import entries
from ..books.reversals import reversals
from ..books.set_budget import set_budget
from ..books.wallets.posting import Posting
from ..books.wallets.uses import Use
from ..checks import check_many
from ..database.types import Quantities
from ..errors import PrepaidError
from ..prices import Price, use_at
from ..spends.single import SpendRequest, Spent
from ..tables import Entry
from .base import Verbs


class Spending(Verbs):
    """Credits that are taken at once."""

    def spend(
        self,
        owner: str,
        *,
        credits: int | None = None,
        key: str,
        reason: str | None = None,
        spender: str | None = None,
        item: str | None = None,
        quantity: Quantities | None = None,
        price_version: str | None = None,
        price: Price | None = None,
    ) -> Entry:
        """Take credits in your transaction: the work and its price are committed together, or neither.

        Call it last, then commit: until then other writers of this wallet wait.

        :param credits: How many; 1 by default.
        :param key: Names what is paid for, ``report:17``. Once spent, it returns the first entry.
        :param spender: Who spends for the owner: ``key:17``, ``member:5``. Budgets and usage are by it.
        :param item: What is bought: ``report``, ``gpt-x``.
        :param quantity: How much of it: a whole number, or one for each unit by its name.
        :param price_version: The price list that made credits of it.
        :param price: What ``Rates.price`` made: it says credits, item, quantity and version by itself.
        :raises ValueError: One of them is none that a spend can have, or the price is 0.
        :raises InsufficientCredits: Fewer are available.
        :raises WalletBlocked: The wallet owes credits, and the ledger's ``debt_blocks`` is set.
        :raises BudgetExceeded: A budget of the spender or of the wallet has fewer left.
        :raises KeyReused: The key has posted something else.
        :raises Busy: Another writer held the wallet for too long.
        :raises DBAPIError: A deadlock or serialization failure: roll back and repeat your transaction.
        """
        credits, item, quantity, price_version = use_at(
            price, credits, item, quantity, price_version, scale=self.setup.scale
        )
        use = Use(spender, item, quantity, price_version)
        self._refuse_key(key)
        posting = Posting.of_spend(1 if credits is None else credits, key, reason=reason, use=use)
        setup = self.setup
        entry, _is_new = self._join(
            entries.spend, owner, posting, clock=setup.clock, debt_blocks=setup.debt_blocks
        )
        return entry

    def spend_now(
        self,
        owner: str,
        *,
        credits: int | None = None,
        key: str,
        work: Insert | None = None,
        values: Mapping[str, object] | None = None,
        spender: str | None = None,
        item: str | None = None,
        quantity: Quantities | None = None,
        price_version: str | None = None,
        price: Price | None = None,
    ) -> Spent:
        """Take credits and commit, fast; answer once it is durable.

        :param credits: How many; 1 by default.
        :param work: One INSERT of yours that is committed with it, or not at all.
        :param values: Its parameters. A statement made once and given with values is
            faster than one made for each call.
        :param spender: Who spends for the owner: ``key:17``, ``member:5``. Budgets and usage are by it.
        :param item: What is bought: ``report``, ``gpt-x``.
        :param quantity: How much of it: a whole number, or one for each unit by its name.
        :param price_version: The price list that made credits of it.
        :param price: What ``Rates.price`` made: it says credits, item, quantity and version by itself.
        :raises ValueError: One of them is none that a spend can have, or the price is 0.
        :raises InsufficientCredits: Fewer are available.
        :raises WalletBlocked: The wallet owes credits, and the ledger's ``debt_blocks`` is set.
        :raises BudgetExceeded: A budget of the spender or of the wallet has fewer left.
        :raises KeyReused: The key has posted something else.
        :raises Busy: The database did not get to it. What came of it, the same key tells.
        """
        self._refuse_to_wait_for_itself()
        credits, item, quantity, price_version = use_at(
            price, credits, item, quantity, price_version, scale=self.setup.scale
        )
        credits = 1 if credits is None else credits
        self._refuse_key(key)
        request = SpendRequest(owner, credits, key, work, values, spender, item, quantity, price_version)
        return self.setup.spends.spend(request)

    def spend_many(self, spends: Iterable[SpendRequest]) -> list[Spent | PrepaidError]:
        """Make many spends and commit, hundreds at a time; what came of each, in their order.

        A refusal is in its place in the list, and the others are spent all the same.

        :raises ValueError: One of them is no ``SpendRequest``.
        """
        self._refuse_to_wait_for_itself()
        check_many("spends", spends)
        requests = list(spends)
        for request in requests:
            if not isinstance(request, SpendRequest):
                raise ValueError(f"spends are SpendRequest(owner, credits, key), not {request!r:.80}")
            self._refuse_key(request.key)
        return self.setup.spends.spend_many(requests)

    def reverse(
        self,
        owner: str,
        *,
        spend_key: str,
        key: str,
        credits: int | None = None,
        reason: str | None = None,
    ) -> Entry:
        """Give back a spend, or ``credits`` of it, in your transaction.

        :param spend_key: The key of the spend; ``hold:chat:7`` for what a hold or a meter ``chat:7`` spent.
        :raises NothingToReverse: There is no such spend, or less of it is left to give back.
        :raises KeyReused: The key has posted something else.
        """
        self._refuse_key(key)
        return self._join(
            reversals.reverse,
            owner,
            spend_key=spend_key,
            key=key,
            credits=credits,
            reason=reason,
            clock=self.setup.clock,
        )

    def set_budget(
        self,
        owner: str,
        credits: int | None,
        *,
        spender: str | None = None,
        every: str | None = None,
        zone: str = "UTC",
    ) -> None:
        """Let a spender, or the whole wallet, spend no more than so many credits, in your transaction.

        Every spend and every hold counts in it, in the statement that takes the credits; what a hold does not
        capture and what a reversal gives back counts no longer. What was spent in the running window before
        counts, too. A budget that is lowered below what is spent refuses the next call. It takes the place of
        an earlier one of the same spender and window; a spender may have one of each window.

        :param credits: 0 refuses each spend; ``None`` takes the budget away.
        :param spender: Whose it is: ``key:17``; ``None`` is the whole wallet.
        :param every: When it begins anew: each ``day``, ``week`` (on Monday) or ``month``; ``None`` is never.
        :param zone: By whose clocks, ``Europe/Berlin``; summer time is kept.
        :raises ValueError: One of the values is none that a budget can have; the message names it.
        """
        self._join(
            set_budget,
            owner,
            credits,
            spender=spender,
            every=every,
            zone=zone,
            clock=self.setup.clock,
        )
