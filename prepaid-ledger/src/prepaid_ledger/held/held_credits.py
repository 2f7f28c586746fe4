"""An open hold in the hand of who does the work."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol, Self

from ..books.extensions import Overrun
from ..database.types import Quantities
from ..errors import PrepaidError
from ..prices import Price
from ..tables import Hold, HoldState


class LedgerOfHold(Protocol):
    """What a hold needs of its ledger."""

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
    ) -> Hold: ...

    def extend(
        self,
        owner: str,
        *,
        key: str,
        credits: int | None = None,
        until: datetime | None = None,
        seq: int | None = None,
    ) -> Hold: ...

    def release(self, owner: str, *, key: str, seq: int | None = None) -> Hold: ...


class HeldCredits:
    """Credits that are held while a ``with`` block runs; what is not captured goes back at its end.

    It ends its own hold alone, also where its time was over and the key holds anew by now.

    :param is_new: Whether its credits were set aside just now, and not by an earlier call with its key.
    """

    def __init__(self, ledger: LedgerOfHold, owner: str, hold: Hold, *, is_new: bool) -> None:
        self._ledger = ledger
        self.owner = owner
        self.key = hold.key
        self.credits = hold.credits
        self.state = hold.state
        self.seq = hold.seq
        self.is_new = is_new

    def capture(
        self,
        credits: int | None = None,
        *,
        overrun: Overrun = "refuse",
        quantity: Quantities | None = None,
        price_version: str | None = None,
        price: Price | None = None,
    ) -> None:
        """Take ``credits`` of it, all by default; the rest goes back.

        :param overrun: What becomes of credits beyond the hold. ``refuse``: a ``ValueError``; ``spend``: they
            are taken as well, or it is refused and the hold stays as it was; ``debt``: those that are there
            are taken, and the rest is owed, within the budgets.
        :param quantity: How much it was in the end; by default what the hold says. So is ``price_version``.
        :param price: What it costs in the end, by ``Rates.price``: it says all of these by itself.
        :raises HoldClosed: It has ended otherwise.
        :raises ValueError: More is captured than is held.
        :raises InsufficientCredits: Fewer are available than are to be spent beyond it.
        :raises BudgetExceeded: A budget has fewer left than are captured beyond it.
        """
        ended = self._ledger.capture(
            self.owner,
            key=self.key,
            credits=credits,
            overrun=overrun,
            quantity=quantity,
            price_version=price_version,
            price=price,
            seq=self.seq,
        )
        self.state = ended.state

    def extend(self, credits: int | None = None, *, until: datetime | None = None) -> None:
        """Let it have more credits, or more time, or both. Where that is refused, it stays as it was.

        Both are absolute, so that a repeat is harmless; it never shrinks.

        :param credits: How many it holds in all then.
        :param until: When it ends by itself then, with its zone.
        :raises HoldClosed: It has ended.
        :raises ValueError: Neither is given, or one is none that a hold can have.
        :raises InsufficientCredits: Fewer are available than it is to grow by.
        :raises BudgetExceeded: A budget has fewer left than it is to grow by.
        """
        extended = self._ledger.extend(self.owner, key=self.key, credits=credits, until=until, seq=self.seq)
        self.credits = extended.credits

    def release(self) -> None:
        """Give all of it back.

        :raises HoldClosed: It was captured.
        """
        self.state = self._ledger.release(self.owner, key=self.key, seq=self.seq).state

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if self.state is not HoldState.OPEN:
            return
        try:
            self.release()
        except PrepaidError:
            if error is None:  # else the block's own error is the one to see
                raise
