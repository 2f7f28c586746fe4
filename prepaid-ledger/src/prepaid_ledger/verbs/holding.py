"""The verbs that set credits aside while work is done."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from ..books import holds
from ..books.extensions import Overrun, Progress
from ..books.wallets.uses import Use
from ..database.types import Quantities
from ..held.held_credits import HeldCredits, LedgerOfHold
from ..held.meters import KeepsMeters, Meter, MeterTerms
from ..prices import Price, Rates, check_scale, use_at
from ..tables import Hold
from .base import Verbs


class Lasting(LedgerOfHold, KeepsMeters, Protocol):
    """What holds and meters need of their ledger."""


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
        ``release``, in any process; else it ends by itself after the ledger's ``hold_expires_after``. In a
        generator, capture in ``finally``: a reader who leaves ends the block, and all would go back.

        Again with the same key: where the first try has captured, the ``state`` of what is returned says so,
        and to capture as many again takes nothing. Where it is still at work, it is the same hold. Where all
        went back, or the time is over, the credits are held anew: a job that failed tries again like that.

        :param credits: How many; without a price, it has to be said.
        :param key: Names the use, ``job:4``. The entry of what is captured has the key ``hold:job:4``.
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
        credits, item, quantity, price_version = use_at(
            price, credits, item, quantity, price_version, scale=self.setup.scale
        )
        if credits is None:
            raise ValueError("a hold says how many credits: give credits or a price")
        setup = self.setup
        held, is_new = self._alone(
            holds.hold,
            owner,
            credits,
            key=key,
            use=Use(spender, item, quantity, price_version),
            expires_after=setup.hold_expires_after,
            clock=setup.clock,
            debt_blocks=setup.debt_blocks,
        )
        return HeldCredits(self._lasting(), owner, held, is_new=is_new)

    def capture(
        self,
        owner: str,
        *,
        key: str,
        credits: int | None = None,
        overrun: Overrun = "refuse",
        quantity: Quantities | None = None,
        price_version: str | None = None,
        price: Price | None = None,
        seq: int | None = None,
    ) -> Hold:
        """Take ``credits`` of a hold, all by default; the rest goes back. Commits.

        :param overrun: What becomes of credits beyond the hold. ``refuse``: a ``ValueError``; ``spend``: they
            are taken as well, or it is refused and the hold stays as it was; ``debt``: those that are there
            are taken, and the rest is owed, within the budgets.
        :param quantity: How much it was in the end; by default what the hold says. So is ``price_version``.
        :param price: What it costs in the end, by ``Rates.price``: it says all of these by itself.
        :param seq: Only this hold of the key, by what ``hold`` returned: where its time was over, the key may
            hold anew by now.
        :raises HoldClosed: It has ended otherwise, or there is none.
        :raises ValueError: More is captured than is held, or the price is another item's than the hold.
        :raises InsufficientCredits: Fewer are available than are to be spent beyond the hold.
        :raises WalletBlocked: They are to be spent, the wallet owes credits, and ``debt_blocks`` is set.
        :raises BudgetExceeded: A budget has fewer left than are captured beyond the hold.
        """
        credits, item, quantity, price_version = use_at(
            price, credits, None, quantity, price_version, scale=self.setup.scale
        )
        return self._alone(
            holds.capture,
            owner,
            key=key,
            credits=credits,
            use=Use(item=item, quantity=quantity, price_version=price_version),
            overrun=overrun,
            seq=seq,
            clock=self.setup.clock,
            debt_blocks=self.setup.debt_blocks,
        )

    def extend(
        self,
        owner: str,
        *,
        key: str,
        credits: int | None = None,
        until: datetime | None = None,
        seq: int | None = None,
    ) -> Hold:
        """Let an open hold have more credits, or more time, or both. Commits.

        Both are absolute, so that a repeat is harmless: a hold that has as many, and lasts as long, stays as
        it is. It never shrinks. Where it is refused, the hold stays as it was, too.

        :param credits: How many it holds in all then.
        :param until: When it ends by itself then, with its zone.
        :param seq: Only this hold of the key, by what ``hold`` returned: where its time was over, the key may
            hold anew by now.
        :raises HoldClosed: It has ended, or there is none.
        :raises ValueError: Neither is given, or one is none that a hold can have.
        :raises InsufficientCredits: Fewer are available than it is to grow by.
        :raises WalletBlocked: The wallet owes credits, and the ledger's ``debt_blocks`` is set.
        :raises BudgetExceeded: A budget has fewer left than it is to grow by.
        """
        setup = self.setup
        return self._alone(
            holds.extend,
            owner,
            key=key,
            credits=credits,
            until=until,
            seq=seq,
            clock=setup.clock,
            debt_blocks=setup.debt_blocks,
        )

    def meter(
        self,
        owner: str,
        *,
        key: str,
        spender: str | None = None,
        item: str | None = None,
        step: int = 50,
        rates: Rates | None = None,
        expires_after: timedelta | None = None,
    ) -> Meter:
        """Charge for a stream what was delivered: ``with ledger.meter(...) as meter``, ``meter.count()``.

        Credits for a step are held at once, and for one more each time before they run out; where fewer are
        left, those. What was counted is captured when the block ends: at its end, by an error, or because the
        reader left. A process that is killed leaves what it had counted when a step was last written: that
        is captured when the time of the hold is over. So what was delivered is charged, to within a step.

        :param key: Names the use, ``chat:99``. It is metered once: again, it is refused. The entry of what is
            charged has the key ``hold:chat:99``.
        :param spender: Who spends for the owner: ``key:17``, ``member:5``. Budgets and usage are by it.
        :param item: What is bought: ``gpt-x``.
        :param step: By how many credits the hold grows, also with ``rates``. A step is one short commit.
        :param rates: Makes credits of what is counted: ``meter.count(output=1)``; without, it is credits.
        :param expires_after: For how long after the last step its credits are held; by default as those of
            other holds. It goes on as long as something is counted.
        :raises ValueError: One of them is none that a meter can have.
        :raises InsufficientCredits: None are available.
        :raises WalletBlocked: The wallet owes credits, and the ledger's ``debt_blocks`` is set.
        :raises BudgetExceeded: A budget of the spender or of the wallet has nothing left.
        :raises KeyReused: Another meter counts under this key.
        :raises HoldClosed: A meter or a hold of this key has ended.
        :raises Busy: The database did not get to it.
        """
        lasts = self.setup.hold_expires_after if expires_after is None else expires_after
        if isinstance(rates, Rates):
            check_scale(rates, self.setup.scale)
        terms = MeterTerms(owner, key, spender, item, step, rates, lasts, self.setup.clock)
        return Meter(self._lasting(), terms)

    def _lasting(self) -> Lasting:
        """The ledger that a hold or a meter goes on with, also where the caller's session is gone."""
        return self

    def _open_metered(
        self, owner: str, credits: int, *, key: str, use: Use, expires_after: timedelta, meter: str
    ) -> Hold:
        setup = self.setup
        held, _is_new = self._alone(
            holds.hold,
            owner,
            credits,
            key=key,
            use=use,
            expires_after=expires_after,
            meter=meter,
            clock=setup.clock,
            debt_blocks=setup.debt_blocks,
        )
        return held

    def _extend_metered(
        self, owner: str, *, key: str, credits: int, until: datetime, progress: Progress
    ) -> Hold:
        setup = self.setup
        return self._alone(
            holds.extend,
            owner,
            key=key,
            credits=credits,
            until=until,
            progress=progress,
            clock=setup.clock,
            debt_blocks=setup.debt_blocks,
        )

    def release(self, owner: str, *, key: str, seq: int | None = None) -> Hold:
        """Give back all of a hold. Commits. Ended without a capture already, it moves nothing.

        :param seq: Only this hold of the key, by what ``hold`` returned: where its time was over, the key may
            hold anew by now.
        :raises HoldClosed: It was captured, or there is none.
        """
        return self._alone(holds.release, owner, key=key, seq=seq, clock=self.setup.clock)
