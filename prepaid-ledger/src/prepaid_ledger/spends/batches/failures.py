"""The log of batches that failed."""

from __future__ import annotations

import logging
from traceback import walk_tb

from sqlalchemy import exc

#: The mistakes that were logged in this process, by class and line.
logged: set[tuple[type[BaseException], str, int]] = set()


def log_failure(log: logging.Logger, error: Exception, size: int) -> None:
    """Log that a batch failed and each of its spends goes alone.

    Two keys that race and a database that is away are a matter of course, for the debug log. A mistake in a
    statement or in code fails each batch anew, which nobody sees but by the clock: its first is a warning.
    """
    message = "a batch of %d spends failed; each goes alone"
    *_, (frame, line) = walk_tb(error.__traceback__)
    where = (type(error), frame.f_code.co_filename, line)
    if is_mistake(error) and where not in logged:
        logged.add(where)
        message += ", which is slow. As long as the cause stays, so does each batch like it"
        log.warning(message, size, exc_info=error)
    else:
        log.debug(message, size, exc_info=error)


def is_mistake(error: BaseException) -> bool:
    """Whether the same batch would fail again: neither a conflict nor a database that is away or busy."""
    cause = error.orig if isinstance(error, exc.DBAPIError) else error
    if getattr(cause, "sqlite_errorname", None) == "SQLITE_ERROR":
        return True
    names = {kind.__name__ for kind in type(cause).__mro__}  # each driver has its own classes of these names
    if "ProgrammingError" in names:
        return True
    return not names & {"Error", "TimeoutError", "OSError"}
