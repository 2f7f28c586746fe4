"""What the calls of the API answer.

Credits are whole numbers; where the unit has decimals, texts such as "0.125". Amounts are whole numbers in
the smallest unit of their currency, and times are UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

Credits = int | str

PaymentState = Literal[
    "requested",
    "open",
    "pending",
    "paid",
    "failed",
    "expired",
    "unknown",
    "needs_review",
    "reviewed",
    "refund_under_way",
    "refund_failed",
    "partly_refunded",
    "refunded",
    "disputed",
    "dispute_lost",
]


@dataclass(frozen=True)
class SessionAnswer:
    """What a page needs before its first call that changes something."""

    csrf_token: Annotated[str, "Send it as X-CSRF-Token with each call that is no GET"]
    publishable_key: Annotated[str, "For Stripe's script"]
    stripe_js_url: Annotated[str, "Where Stripe's script is"]


@dataclass(frozen=True)
class Lot:
    """What is left of credits that came in together."""

    kind: Annotated[str, "How they came: purchase, grant, allowance"]
    credits: Annotated[Credits, "How many came"]
    left: Annotated[Credits, "How many are left, with those held"]
    held: Annotated[Credits, "How many of them are set aside"]
    expires_at: Annotated[datetime | None, "When they lapse"]


@dataclass(frozen=True)
class BalanceAnswer:
    """The customer's wallet now."""

    balance: Annotated[Credits, "With what open holds set aside"]
    held: Annotated[Credits, "Set aside for work that is not done yet"]
    available: Annotated[Credits, "What can be spent now"]
    debt: Annotated[Credits, "Owed after a refund or dispute; the next purchase pays it"]
    lots: Annotated[list[Lot], "In the order in which they are spent"]


@dataclass(frozen=True)
class Entry:
    """One movement of credits."""

    id: Annotated[int, "Counts up within the wallet"]
    at: Annotated[datetime, "When"]
    kind: Annotated[str, "Why: purchase, grant, allowance, spend, reversal, clawback, expiry, adjustment"]
    credits: Annotated[Credits, "Negative: taken"]
    balance_after: Annotated[Credits, "Credits after it"]
    key: Annotated[str, "Its cause, such as payment:17"]


@dataclass(frozen=True)
class EntriesAnswer:
    """Entries, the newest first."""

    entries: list[Entry]
    next_cursor: Annotated[str | None, "Send it as cursor for the next page; null is the last"]
    archived_until: Annotated[datetime | None, "On the last page: spends up to then are in the archive"]


@dataclass(frozen=True)
class UsageRow:
    """What was spent in a day or an hour, by a spender, or on an item."""

    start: Annotated[datetime | None, "Of the day or hour"]
    spender: Annotated[str | None, "Such as key:17"]
    name: Annotated[str | None, "What the spender is called"]
    item: Annotated[str | None, "What was paid for"]
    credits: Annotated[Credits, "Taken"]
    returned: Annotated[Credits, "Given back"]
    calls: Annotated[int, "How many spends"]


@dataclass(frozen=True)
class UsageAnswer:
    """Sums of what was spent. Days and hours without a spend are left out."""

    usage: list[UsageRow]


@dataclass(frozen=True)
class StatementAnswer:
    """A wallet over some days: opening + the sum of by_kind = closing."""

    opening: Annotated[Credits, "Credits as the first day began"]
    closing: Annotated[Credits, "Credits as the last day ended"]
    by_kind: Annotated[dict[str, Credits], "What moved, by kind of entry"]


@dataclass(frozen=True)
class PackPrice:
    """Credits sold once."""

    slug: Annotated[str, "Send it as pack"]
    title: str
    credits: Annotated[Credits, "With its bonus"]
    amount_minor: int
    currency: str
    price: Annotated[str, "The amount in words, such as $5.00"]


@dataclass(frozen=True)
class QuantityPrice:
    """A free number of credits, cheaper by volume. total says what one number costs."""

    min_credits: int
    max_credits: int
    currency: str


@dataclass(frozen=True)
class PlanOffer:
    """Credits by the period."""

    slug: Annotated[str, "Send it as plan"]
    title: str
    credits: Annotated[Credits, "Each time that they come"]
    given: Annotated[str, "How often they come, such as: a month"]
    amount_minor: int
    currency: str
    price: Annotated[str, "The amount in words"]
    billed: Annotated[str, "How often it is paid, such as: a month"]
    trial_days: Annotated[int, "Days before the first payment, if this customer gets a trial"]
    max_quantity: Annotated[int, "How many times over it may be taken"]


@dataclass(frozen=True)
class PricesAnswer:
    """What is for sale, at this customer's prices."""

    currency: Annotated[str, "What this customer pays in"]
    currencies: Annotated[list[str], "Those to choose from; none where it is settled"]
    packs: list[PackPrice]
    quantity: QuantityPrice | None
    plans: list[PlanOffer]


@dataclass(frozen=True)
class TotalAnswer:
    """What a number of credits costs."""

    amount_minor: int
    currency: str
    total: Annotated[str, "In words, such as $54.00"]
    with_tax_minor: Annotated[int, "With the tax of this customer's last purchase; send it as max_minor"]


@dataclass(frozen=True)
class OpenedAnswer:
    """A page of Stripe's that was opened, or a session for Stripe's elements on a page of yours."""

    session_id: Annotated[str, "Ask what came of it by this"]
    url: Annotated[str | None, "Lead the browser there; null with elements, or where nothing is to pay"]
    client_secret: Annotated[str | None, "For Stripe's elements"]


@dataclass(frozen=True)
class NextAction:
    """What the customer has to do before a payment can go on."""

    url: Annotated[
        str,
        "Lead the browser there: the bank's page, which leads back to return_path or to the result page, or "
        "Checkout, which leads where it was to lead when it was opened",
    ]
    client_secret: Annotated[str | None, "Or hand it to Stripe's script: stripe.handleNextAction"]


@dataclass(frozen=True)
class Payment:
    """One purchase, as far as it is known."""

    id: int
    state: Annotated[
        PaymentState,
        "open waits for the customer, pending for the bank; unknown: do not pay again, ask again. Of a "
        "payment that was paid, what became of its money: a bank has it while disputed",
    ]
    title: str
    credits: Credits
    amount_minor: Annotated[int, "The price"]
    paid_minor: Annotated[int | None, "What has arrived, with its tax"]
    refunded_minor: Annotated[int, "What has been refunded"]
    refund_under_way_minor: Annotated[int, "What is being refunded: it may still come back"]
    tax_minor: int
    currency: str
    card: Annotated[str | None, "Which card was charged, such as Visa 4242"]
    receipt_url: str | None
    failure: Annotated[str | None, "Why nothing was paid, for the customer to read"]
    created_at: datetime
    paid_at: datetime | None


@dataclass(frozen=True)
class PaymentAnswer:
    """A purchase, and the balance as it is now."""

    payment: Payment
    next_action: Annotated[NextAction | None, "Set where the bank wants to see its customer"]
    balance: Credits


@dataclass(frozen=True)
class PaymentsAnswer:
    """Purchases, the newest first."""

    payments: list[Payment]
    next_cursor: Annotated[str | None, "Send it as cursor for the next page; null is the last"]


@dataclass(frozen=True)
class RedeemedAnswer:
    """A code was redeemed."""

    credits: Annotated[Credits, "What it gave"]
    balance: Credits


@dataclass(frozen=True)
class Card:
    """A card on file."""

    id: Annotated[str, "Send it as saved_card"]
    brand: str
    last4: str
    exp_month: int
    exp_year: int
    name: str | None
    is_default: Annotated[bool, "Whether it pays by default"]
    expires_soon: Annotated[bool, "Whether it expires this month or the next, or has expired"]
    has_expired: bool


@dataclass(frozen=True)
class CardsAnswer:
    """The cards on file, the one that pays by default first."""

    cards: list[Card]


@dataclass(frozen=True)
class TopUp:
    """Auto top-up: packs bought by themselves when the credits run low."""

    on: bool
    pack: str
    threshold: Annotated[Credits, "It buys below so many available credits"]
    times: Annotated[int, "How many packs a month may cost"]
    charged_minor: Annotated[int, "What it has charged this month"]
    currency: str
    stopped: Annotated[str | None, "Why it has switched itself off"]


@dataclass(frozen=True)
class TopUpAnswer:
    """Auto top-up as it is set; null where it never was."""

    top_up: TopUp | None


@dataclass(frozen=True)
class Plan:
    """The customer's plan."""

    slug: str
    title: str
    quantity: int
    state: Annotated[str, "Stripe's word; requested and open before it has begun"]
    credits: Annotated[Credits, "What each of it gives each time"]
    amount_minor: Annotated[int, "What each of it costs a period"]
    currency: str
    paid_until: Annotated[datetime | None, "When its period ends; one that has ended waits for Stripe's word"]
    is_paid: Annotated[
        bool, "Whether that period is paid; not while it is free, or its payment is waited for"
    ]
    ends_at: Annotated[datetime | None, "When it ends, if it does not renew"]
    next_plan: Annotated[str | None, "The slug of the plan that it becomes"]
    next_at: Annotated[datetime | None, "When it becomes that"]
    owed_minor: Annotated[int, "What waits to be paid"]
    pay_url: Annotated[
        str | None,
        "Stripe's page where all of that is paid, or the bank asked; null where several invoices wait",
    ]
    can: Annotated[list[str], "What can be done with it now, by the last part of the call's path"]


@dataclass(frozen=True)
class PlanAnswer:
    """The customer's plan; null without one."""

    plan: Plan | None
    balance: Credits


@dataclass(frozen=True)
class BegunAnswer:
    """A plan that was chosen: Stripe's page to pay on, or the plan where a card on file has paid."""

    opened: OpenedAnswer | None
    plan: Plan | None


@dataclass(frozen=True)
class ChangeAnswer:
    """What a change of plan costs and gives. Send proration_date and due_minor with the change."""

    plan: str
    quantity: int
    at_once: Annotated[bool, "Now; otherwise when the period ends"]
    starts_at: datetime
    due_minor: Annotated[int, "Charged now"]
    credits: Annotated[Credits, "Given now"]
    next_at: Annotated[datetime, "When the next payment is due"]
    next_minor: Annotated[int, "How much it will be"]
    currency: str
    proration_date: int


@dataclass(frozen=True)
class Budget:
    """What one key or member, or all together, may spend."""

    key: Annotated[int | None, "The id of the key; null is a member's or the whole wallet's"]
    spender: Annotated[str | None, "Its name in usage; null is the whole wallet"]
    every: Annotated[str | None, "day, week or month; null never begins anew"]
    credits: Credits
    spent: Credits
    resets_at: datetime | None


@dataclass(frozen=True)
class BudgetsAnswer:
    """What whoever asks may spend."""

    available: Annotated[Credits, "What the wallet has, for all together"]
    budgets: Annotated[list[Budget], "Theirs, and those of the whole wallet"]


@dataclass(frozen=True)
class Key:
    """An API key, without its secret."""

    id: int
    name: str
    start: Annotated[str, "Its first characters"]
    spender: Annotated[str, "Its name in usage and budgets, such as key:17"]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True)
class KeysAnswer:
    """The keys that open, and the budgets of keys and wallet."""

    keys: list[Key]
    budgets: list[Budget]


@dataclass(frozen=True)
class NewKeyAnswer:
    """A key that was just made. Its secret is shown this once."""

    id: int
    secret: str
    spender: str
