"""What came of each request of a batch."""

from __future__ import annotations

from typing import NamedTuple

from ..single import Spent


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
