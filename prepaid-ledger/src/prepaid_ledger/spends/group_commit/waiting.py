"""A spend that is awaited in an event loop until it is committed, or refused."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from ..batches.outcomes import Outcome
from ..single import SpendRequest, Spent
from .group_commit import too_late

#: So many batches a spend goes with whose wallet another process has just then, or whose budgets this one has
#: just heard of: mostly the next reaches it. A batch that waits for one wallet serves nobody else meanwhile.
TRIES = 3


@dataclass(slots=True, eq=False)
class Waiting:
    """A spend that waits for its batch until ``until_s``. ``answer`` is ``None`` where it has to go alone."""

    request: SpendRequest
    answer: asyncio.Future[Spent | None]
    until_s: float
    tries: int = 0

    def may_go(self) -> bool:
        """Whether its caller is there yet, and is told so if that has waited long enough."""
        if time.monotonic() >= self.until_s:
            self.fail(too_late())
        return not self.answer.done()

    def goes_again(self, outcome: Outcome) -> bool:
        """Whether the next batch may reach the wallet that this one has not."""
        self.tries += 1
        return not outcome.reached and self.tries < TRIES and not self.answer.done()

    def be_answered(self, spent: Spent | None) -> None:
        if not self.answer.done():  # the caller may have gone
            self.answer.set_result(spent)

    def fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)
