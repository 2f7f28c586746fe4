"""An open hold in the hand of who does the work."""

from __future__ import annotations

from typing import Protocol, Self

from .database.types import Quantities
from .prices import Price
from .tables import Hold, HoldState


class EndsHolds(Protocol):
    """What a hold needs of its ledger."""

    def capture(
        self,
        owner: str,
        *,
        key: str,
        credits: int | None = None,
        quantity: Quantities | None = None,
        price_version: str | None = None,
        price: Price | None = None,
    ) -> Hold: ...

    def release(self, owner: str, *, key: str) -> Hold: ...


class HeldCredits:
    """Credits that are held while a ``with`` block runs; what is not captured goes back at its end."""

    def __init__(self, ledger: EndsHolds, owner: str, hold: Hold) -> None:
        self._ledger = ledger
        self.owner = owner
        self.key = hold.key
        self.credits = hold.credits
        self.state = hold.state

    def capture(
        self,
        credits: int | None = None,
        *,
        quantity: Quantities | None = None,
        price_version: str | None = None,
        price: Price | None = None,
    ) -> None:
        """Take ``credits`` of it, all by default; the rest goes back.

        :param quantity: How much it was in the end; by default what the hold says. So is ``price_version``.
        :param price: What it costs in the end, by ``Rates.price``: it says all of these by itself.
        :raises HoldClosed: It has ended otherwise.
        :raises ValueError: More is captured than is held.
        """
        ended = self._ledger.capture(
            self.owner,
            key=self.key,
            credits=credits,
            quantity=quantity,
            price_version=price_version,
            price=price,
        )
        self.state = ended.state

    def release(self) -> None:
        """Give all of it back.

        :raises HoldClosed: It was captured.
        """
        self.state = self._ledger.release(self.owner, key=self.key).state

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if self.state is HoldState.OPEN:
            self.release()
