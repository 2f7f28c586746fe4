"""What a batch is told of each request, and what it says of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ..books.uses import UNSAID
from .single import SpendRequest, Spent


class Outcome(NamedTuple):
    """What came of one request in a batch.

    ``reached`` says whether its wallet could be had at once, ``has_budgets`` whether that ever had a budget.
    """

    reached: bool
    spent: Spent | None
    has_budgets: bool = False


def said_of(request: SpendRequest) -> dict[str, object]:
    """Who spends, and on what, by column; nothing where nothing is said."""
    if (use := request.use) is UNSAID:
        return {}
    return {
        "spender": use.spender,
        "item": use.item,
        "quantity": use.quantity_text,
        "price_version": use.price_version,
    }


class BudgetedOwners:
    """The owners whose wallets are known, in this process, to have budgets: their batches ask for these.

    It only saves time. The statement leaves out an owner who is not known yet: those spends go alone.
    """

    #: So many are remembered before all are forgotten.
    MAX = 100_000

    def __init__(self) -> None:
        self._owners: set[str] = set()

    def any_of(self, requests: Iterable[SpendRequest]) -> bool:
        """Whether one of the requests is an owner's who is known."""
        return bool(self._owners) and any(request.owner in self._owners for request in requests)

    def learn(self, requests: Sequence[SpendRequest], outcomes: Sequence[Outcome]) -> None:
        """Remember those that the statement has found."""
        for request, outcome in zip(requests, outcomes, strict=True):
            if outcome.has_budgets:
                if len(self._owners) >= self.MAX:
                    self._owners.clear()
                self._owners.add(request.owner)
