"""What a batch is told of each request, and what it says of it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from traceback import walk_tb
from typing import NamedTuple

from sqlalchemy import exc

from ..books.uses import UNSAID
from .single import SpendRequest, Spent


class Outcome(NamedTuple):
    """What came of one request in a batch.

    ``reached`` says whether its wallet could be had at once, with its budgets, or there is none;
    ``has_budgets`` whether it ever had a budget.
    """

    reached: bool
    spent: Spent | None
    has_budgets: bool = False


#: What has to go alone.
LEFT_OUT = Outcome(reached=True, spent=None)

#: What may wait for its wallet again.
UNREACHED = Outcome(reached=False, spent=None)


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


#: The mistakes that were logged in this process, by class and line.
_logged: set[tuple[type[BaseException], str, int]] = set()


def log_failure(log: logging.Logger, error: Exception, size: int) -> None:
    """Log that a batch failed and each of its spends goes alone.

    Two keys that race and a database that is away are a matter of course, for the debug log. A mistake in a
    statement or in code fails each batch anew, which nobody sees but by the clock: its first is a warning.
    """
    message = "a batch of %d spends failed; each goes alone"
    *_, (frame, line) = walk_tb(error.__traceback__)
    where = (type(error), frame.f_code.co_filename, line)
    if is_mistake(error) and where not in _logged:
        _logged.add(where)
        message += ", which is slow. As long as the cause stays, so does each batch like it"
        log.warning(message, size, exc_info=error)
    else:
        log.debug(message, size, exc_info=error)


def is_mistake(error: BaseException) -> bool:
    """Whether the same batch would fail again: neither a conflict nor a database that is away or busy."""
    cause = error.orig if isinstance(error, exc.DBAPIError) else error
    if getattr(cause, "sqlite_errorname", None) == "SQLITE_ERROR":
        return True
    names = {
        kind.__name__ for kind in type(cause).__mro__
    }  # each driver has classes of its own by these names
    if "ProgrammingError" in names:
        return True
    return not names & {"Error", "TimeoutError", "OSError"}


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
