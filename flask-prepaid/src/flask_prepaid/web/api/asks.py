"""What the calls of the API take in their bodies: the fields of the forms, by the forms' names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

Slug = Annotated[str | None, "The slug of a pack; or credits in its place"]
Number = Annotated[int | None, "A number of credits; or pack in its place"]
Shown = Annotated[str | None, "The currency in which the price was shown; refused if it is paid in another"]
MinCredits = Annotated[int | str | None, "The credits that were shown: what gives fewer is refused"]
SavedCard = Annotated[str | None, "The id of a card on file"]
AfterBank = Annotated[
    str | None,
    "Where the bank's page leads back: a path of this site, such as /app. payment, its id, is added to it. "
    "By default it is the result page",
]
ReturnPath = Annotated[
    str | None,
    "Where Stripe's page leads back: a path of this site, such as /app?paid=1. Stripe adds session_id to it. "
    "By default it is the result page",
]
Elements = Annotated[bool, "Open no page of Stripe's, but a session for its elements on a page of yours"]


@dataclass(frozen=True)
class Nothing:
    """A body without fields."""


@dataclass(frozen=True)
class CheckoutAsk:
    """What is bought on Stripe's page."""

    pack: Slug = None
    credits: Number = None
    currency: Shown = None
    keep_card: Annotated[bool, "Whether the card that pays is put on file"] = False
    elements: Elements = False
    return_path: ReturnPath = None


@dataclass(frozen=True)
class ChargeAsk:
    """What is bought with a card on file."""

    saved_card: Annotated[str, "The id of a card on file"]
    pack: Slug = None
    credits: Number = None
    currency: Shown = None
    max_minor: Annotated[int | None, "The total with tax that was shown: what costs more is not charged"] = (
        None
    )
    min_credits: MinCredits = None
    return_path: AfterBank = None


@dataclass(frozen=True)
class ResumePaymentAsk:
    """A payment goes on that waits for its customer."""

    return_path: AfterBank = None


@dataclass(frozen=True)
class CodeAsk:
    """A code that gives credits."""

    code: str


@dataclass(frozen=True)
class NewCardAsk:
    """A card is left on Stripe's page."""

    elements: Elements = False
    return_path: ReturnPath = None


@dataclass(frozen=True)
class CardAsk:
    """What is printed on a card, and where its bill goes."""

    exp_month: int
    exp_year: int
    name: str | None = None
    line1: str | None = None
    city: str | None = None
    postal_code: str | None = None
    country: Annotated[str | None, "Two letters, such as DE"] = None


@dataclass(frozen=True)
class RemoveCardAsk:
    """Whether a card is removed though a plan or auto top-up pays with it."""

    sure: bool = False


@dataclass(frozen=True)
class TopUpAsk:
    """Auto top-up: which pack, below how many credits, and how many packs a month at most."""

    pack: str
    threshold: Annotated[int | str, "It buys below so many available credits"]
    times: Annotated[int, "How many packs a month at most"]
    currency: Shown = None
    max_minor: Annotated[
        int | None, "What was shown that they cost, tax and all: not switched on for more"
    ] = None
    min_credits: Annotated[
        int | str | None, "The credits of a pack that were shown: refused if it has fewer"
    ] = None


@dataclass(frozen=True)
class PlanAsk:
    """A plan is begun: on Stripe's page, or with a card on file."""

    plan: str
    quantity: int | None = None
    trial: Annotated[
        bool, "The page has promised a free trial: refused where there is none for this customer"
    ] = False
    saved_card: SavedCard = None
    currency: Shown = None
    max_minor: Annotated[
        int | None, "The first payment with tax that was shown: a card on file is not charged more"
    ] = None
    min_credits: MinCredits = None
    elements: Elements = False
    return_path: ReturnPath = None


@dataclass(frozen=True)
class ChangeAsk:
    """A change of plan, as its preview has shown it."""

    plan: str
    proration_date: Annotated[int, "The preview's"]
    due_minor: Annotated[int, "The preview's: if that is not so any more, nothing changes"]
    next_minor: Annotated[int | None, "The preview's: if more is charged next, nothing changes"] = None
    quantity: int | None = None
    currency: Shown = None
    min_credits: MinCredits = None


@dataclass(frozen=True)
class CancelAsk:
    """When the plan ends."""

    when: Annotated[Literal["period_end", "now"], "period_end: with the period that is paid"] = "period_end"


@dataclass(frozen=True)
class ResumeAsk:
    """A paused plan goes on, with another card if one is chosen."""

    saved_card: SavedCard = None
    max_minor: Annotated[int | None, "What was shown that it costs now: not resumed for more"] = None


@dataclass(frozen=True)
class PlanCardAsk:
    """The card that pays the plan from now on, and what is owed at once."""

    saved_card: str
    max_minor: Annotated[int | None, "The owed_minor that was shown: if more is owed, nothing is charged"] = (
        None
    )


@dataclass(frozen=True)
class NewKeyAsk:
    """A key is made, with a limit if one is sent."""

    name: str
    expires_on: Annotated[str | None, "The day on which it ends, such as 2027-01-31"] = None
    limit: Annotated[int | str | None, "Credits that it may spend"] = None
    every: Annotated[Literal["day", "week", "month", "ever"], "How often that begins anew"] = "month"
    zone: Annotated[str | None, "Whose days they are, such as Europe/Berlin"] = None


@dataclass(frozen=True)
class BudgetAsk:
    """What one key, or all together, may spend."""

    limit: Annotated[int | str | None, "Credits; null takes the limit away"]
    key: Annotated[int | None, "The id of a key; null is the whole wallet"] = None
    every: Annotated[Literal["day", "week", "month", "ever"], "How often it begins anew"] = "month"
    zone: Annotated[str | None, "Whose days they are, such as Europe/Berlin"] = None
