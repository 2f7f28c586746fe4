"""Which owners have budgets, as far as a process has seen: only then a batch asks for any."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..single import SpendRequest
from .outcomes import Outcome


class BudgetedOwners:
    """The owners whose wallets are known, in this process, to have budgets: their batches ask for these.

    It only saves time. The statement does not reach an owner who is not known yet: the next one does.
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
