"""Finished spends of years ago, moved out of the books to a file or another database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from prepaid_ledger import Archived

from ...context import Context
from ...reports.models import Counted
from ...reports.sums import counting
from .places import opened

#: What is kept there, as a sentence begins with it.
WHAT = "Archives"


def archive(context: Context, before: datetime, place: str, *, seen: Callable[[int], None]) -> Archived:
    """Move finished spends that are older than ``before``, once all reports have counted them. Commits.

    :param place: A file, or SQLAlchemy's URL of another database than the books'.
    :param seen: Called after each commit with how many spends and holds have left with it.
    :raises ConfigError: The place is none, or the books themselves.
    :raises ValueError: The time is less than thirteen months ago, or the place has other tables in it.
    """
    with opened(place, context.engine, WHAT) as to:
        counting.catch_up(context)
        return context.ledger.archive(before, to, counted=[Counted], seen=seen)
