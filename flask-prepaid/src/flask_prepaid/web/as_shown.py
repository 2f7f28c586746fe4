"""Whether what a card is to pay for is still sold as its customer was shown it: so much, for so many credits.

A form sends ``shown``, all that its page offered; a call sends ``max_minor`` and ``min_credits``. What sends
none of them takes today's price.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..catalog import Offer, Pack, Plan, Quantity
from ..errors import UnknownItem
from ..languages import formats
from ..languages.words import gettext as _
from ..payments import tax_rates
from . import forms

#: What a page offers.
Item = Pack | Plan | Quantity


def listed(items: Sequence[Item | None]) -> str:
    """What ``shown`` of a page's form is."""
    return " ".join(_as_text(item) for item in items if item is not None)


def _as_text(item: Item) -> str:
    """The terms of an item, without a space."""
    if isinstance(item, Quantity):
        return "any:" + ",".join(f"{tier.from_credits}x{tier.unit_minor}" for tier in item.tiers)
    if isinstance(item, Pack):
        return f"{item.slug}:{item.amount_minor}:{item.total_credits}"
    return f"{item.slug}:{item.amount_minor}:{item.credits}:{item.interval_count}{item.interval}:{item.every}"


def require_offer(item: Pack | Quantity | None, offer: Offer) -> None:
    """
    :param item: What is bought, at its price in the currency that it is paid in.
    :raises UnknownItem: It was shown at another price, or with other credits.
    """
    assert item is not None, "an offer is of a pack or a number of credits"
    _require(item, offer.credits, offer.amount_minor, offer.currency)


def require_plan(plan: Plan, quantity: int) -> None:
    """
    :raises UnknownItem: The plan was shown at another price, or with other credits.
    """
    _require(plan, plan.credits * quantity, plan.amount_minor * quantity, plan.currency)


def _require(item: Item, credits: int, amount_minor: int, currency: str) -> None:
    sent = forms.sent()
    if "min_credits" in sent and credits < forms.credits_to_move("min_credits"):
        given = formats.credits(credits)
        raise UnknownItem(
            f"It gives {given}, less than min_credits. Nothing is charged.", field="min_credits"
        )
    if "shown" in sent and _as_text(item) not in sent["shown"].split():
        words = _(
            "It is %(credits)s for %(price)s now. Nothing is charged yet: press again if you want it.",
            credits=formats.credits(credits),
            price=formats.amount(amount_minor, currency),
        )
        raise UnknownItem(words, field="price")


def max_minor() -> int | None:
    """The total with tax that was shown; ``None`` where the request names none."""
    return forms.whole_number(forms.sent(), "max_minor") if "max_minor" in forms.sent() else None


def max_minor_of(amount_minor: int, currency: str) -> int | None:
    """The total with tax that was shown of a price; ``None`` where none was, and any is charged."""
    rate, named = forms.tax_rate(), max_minor()
    if named is not None or rate is None:
        return named
    return tax_rates.with_tax(amount_minor, rate, currency)
