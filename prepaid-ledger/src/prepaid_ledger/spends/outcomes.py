"""What came of each request of a batch; and what a request says of its use, as columns."""

from __future__ import annotations

from typing import NamedTuple

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
