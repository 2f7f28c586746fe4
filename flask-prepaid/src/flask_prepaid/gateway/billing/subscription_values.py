"""What Stripe has of plans, as plain frozen values, and how each is read from the SDK's object."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..values import id_of, is_expanded, moment, moment_or_none, payment_key
from .invoice_balance import final_at, paid_by_balance
from .invoice_parts import ChargedPart, charged_parts
from .tax_words import taxed_of

#: The metadata field in which a price says whose plan's terms it stands for.
PLAN = "prepaid_plan"

#: The metadata field in which Stripe's objects carry the idempotency key of our subscription row.
SUBSCRIPTION_KEY = "prepaid_subscription"

#: The id of a price, and how many times over.
PriceChoice = tuple[str, int]


@dataclass(frozen=True)
class NewSubscription:
    """What Stripe is asked to begin: a price, so many times over. ``key`` is our row's idempotency key."""

    key: str
    price_id: str
    quantity: int
    trial_days: int


@dataclass(frozen=True)
class Price:
    """A price. ``period`` is a plan's interval, ``("month", 3)``; without one it is charged only once.

    ``terms`` is its metadata, where ours say what a period gives.
    """

    id: str
    amount_minor: int | None
    currency: str
    period: tuple[str, int] | None
    terms: dict[str, str]


@dataclass(frozen=True)
class LastTry:
    """The card, or another means, with which an invoice was tried last, in vain, where it is known.

    ``asks_customer``: nothing was declined. Its bank wants the customer to confirm the payment.
    """

    card_id: str | None
    asks_customer: bool = False


@dataclass(frozen=True)
class Page:
    """A Checkout Session that starts a subscription. ``client_secret`` is for elements on our own page.

    ``needs_card``: it asks for one also where nothing is paid today.
    """

    id: str
    status: str
    url: str | None
    client_secret: str | None
    key: str | None
    subscription_id: str | None
    needs_card: bool


@dataclass(frozen=True)
class Planned:
    """What a schedule turns a subscription into, and when."""

    price_id: str
    quantity: int
    at: datetime


@dataclass(frozen=True)
class Discount:
    """A coupon on a subscription: ``once`` for the first invoice that it makes smaller, or until ``end``."""

    id: str
    once: bool
    end: datetime | None


@dataclass(frozen=True)
class StripeSubscription:
    """A subscription. ``asked_at`` is our time before the fetch; the others are Stripe's.

    ``item_id``, ``price_id`` and ``quantity`` are those of its plan; Stripe's dashboard can put
    ``other_items`` beside it. ``collects``: it is charged, and if not, ``collects_again_at`` says from when
    on, where that is known. ``trial_without_card``: what becomes of it where its trial ends and there is
    nothing to charge, in Stripe's word.
    """

    id: str
    key: str | None
    customer_id: str
    status: str
    item_id: str
    price_id: str
    quantity: int
    other_items: int
    collects: bool
    collects_again_at: datetime | None
    period_start: datetime
    period_end: datetime
    anchor_at: datetime
    trial_end: datetime | None
    trial_without_card: str
    cancel_at: datetime | None
    cancels_by_period: bool
    ended_at: datetime | None
    end_reason: str | None
    discount_ids: tuple[str, ...]
    schedule_id: str | None
    planned: Planned | None
    pending_until: datetime | None
    latest_invoice_id: str | None
    card_id: str | None
    fingerprint: str | None
    created_at: datetime
    asked_at: datetime

    @property
    def choice(self) -> PriceChoice:
        """The price and the quantity of its plan."""
        return self.price_id, self.quantity

    def changed_to(self, wanted: PriceChoice) -> list[dict[str, object]]:
        """Its plan's item as it would be after a change, for Stripe's parameter ``items``."""
        return [{"id": self.item_id, "price": wanted[0], "quantity": wanted[1]}]


@dataclass(frozen=True)
class InvoiceLine:
    """A line of an invoice. ``net_minor`` is its amount with discounts off; times are Unix seconds.

    ``item_id`` is the subscription's item that it bills, where it tells one. ``discount_ids`` are those
    that made it smaller; the amount of a part of a period is net of them. ``gives_back``: it takes back what
    was billed before for a part of a period. ``added_tax_minor`` comes on top.
    """

    price_id: str | None
    item_id: str | None
    quantity: int
    amount_minor: int
    net_minor: int
    is_of_plan: bool
    is_part: bool
    gives_back: bool
    start: int
    end: int
    discount_ids: frozenset[str]
    added_tax_minor: int = 0

    @property
    def with_tax_minor(self) -> int:
        """What it adds to the invoice's total."""
        return self.net_minor + self.added_tax_minor

    @property
    def counts(self) -> bool:
        """Whether something is bought by it, or given back: it costs, or would without its coupon."""
        return bool(self.net_minor or self.amount_minor or self.discount_ids)


@dataclass(frozen=True)
class StripeInvoice:
    """An invoice, or the preview of one. Amounts in the smallest unit of ``currency``.

    It bills a plan, ``subscription_id``, or a single purchase, whose payment ``payment_key`` names.
    ``charges`` are what of ``paid_minor`` was charged, ``credited_minor`` is what credit notes took off it
    before it was paid.
    ``balance_minor`` is the customer's balance at Stripe before it: what they owe besides, or have left
    where it is negative. https://docs.stripe.com/billing/customer/balance
    ``final_at`` is when the balance was applied to it: that it was made, where it is no more than a draft.
    """

    id: str
    number: str | None
    status: str
    total_minor: int
    balance_minor: int
    due_minor: int
    paid_minor: int
    charges: tuple[ChargedPart, ...]
    credited_minor: int
    discount_minor: int
    tax_minor: int
    taxed: str
    currency: str
    lines: tuple[InvoiceLine, ...]
    subscription_id: str | None
    payment_key: str | None
    page_url: str | None
    pdf_url: str | None
    retry_at: datetime | None
    period_end: datetime
    created_at: datetime
    final_at: datetime
    paid_at: datetime | None
    asked_at: datetime

    @property
    def charged_minor(self) -> int:
        """What of it was charged."""
        return sum(part.charged_minor for part in self.charges)

    @property
    def intent_id(self) -> str | None:
        """The PaymentIntent that has paid it, the first if there are several."""
        return self.charges[0].intent_id if self.charges else None

    @property
    def left_minor(self) -> int:
        """The balance after it. What is too little to charge, below Stripe's minimum, waits there as well."""
        return self.balance_minor + self.total_minor - self.due_minor

    @property
    def from_balance_minor(self) -> int:
        """What of it the customer's balance has paid."""
        return paid_by_balance(self.balance_minor, self.total_minor - self.credited_minor - self.due_minor)


def price_of(price: Any) -> Price:
    return Price(
        id=price.id,
        amount_minor=price.unit_amount,
        currency=price.currency,
        period=(price.recurring.interval, price.recurring.interval_count) if price.recurring else None,
        terms=price.metadata.to_dict(),
    )


def page_of(session: Any) -> Page:
    return Page(
        id=session.id,
        status=session.status,
        url=session.url,
        client_secret=session.client_secret,
        key=session.metadata.to_dict().get(SUBSCRIPTION_KEY) if session.metadata else None,
        subscription_id=id_of(session.subscription),
        needs_card=session.payment_method_collection != "if_required",
    )


def subscription_of(subscription: Any, asked_at: datetime) -> StripeSubscription:
    """:param subscription: With its schedule and its payment method expanded, if it has them."""
    items = subscription["items"].data
    item = next((each for each in items if PLAN in each.price.metadata.to_dict()), items[0])
    others = [other.price.id for other in items if other.id != item.id]
    period_end = moment(item.current_period_end)
    paused = subscription.pause_collection
    by_period = subscription.cancel_at_period_end
    pending = subscription.pending_update
    return StripeSubscription(
        id=subscription.id,
        key=subscription.metadata.to_dict().get(SUBSCRIPTION_KEY) if subscription.metadata else None,
        customer_id=id_of(subscription.customer) or "",
        status=subscription.status,
        item_id=item.id,
        price_id=item.price.id,
        quantity=item.quantity or 1,
        other_items=len(others),
        collects=paused is None,
        collects_again_at=moment_or_none(paused.resumes_at) if paused else None,
        period_start=moment(item.current_period_start),
        period_end=period_end,
        anchor_at=moment(subscription.billing_cycle_anchor),
        trial_end=moment_or_none(subscription.trial_end),
        trial_without_card=without_card_of(subscription.trial_settings),
        cancel_at=period_end if by_period else moment_or_none(subscription.cancel_at),
        cancels_by_period=by_period,
        ended_at=moment_or_none(subscription.ended_at),
        end_reason=subscription.cancellation_details.reason if subscription.cancellation_details else None,
        discount_ids=tuple(id_of(discount) or "" for discount in subscription.discounts or []),
        schedule_id=id_of(subscription.schedule),
        planned=planned_of(subscription.schedule, item, others)
        if is_expanded(subscription.schedule)
        else None,
        pending_until=moment_or_none(pending.expires_at) if pending else None,
        latest_invoice_id=id_of(subscription.latest_invoice),
        card_id=id_of(subscription.default_payment_method),
        fingerprint=fingerprint_of(subscription.default_payment_method),
        created_at=moment(subscription.created),
        asked_at=asked_at,
    )


def without_card_of(trial_settings: Any) -> str:
    """Where nothing is set, an invoice is made.

    https://docs.stripe.com/billing/subscriptions/trials/free-trials
    """
    return trial_settings.end_behavior.missing_payment_method if trial_settings else "create_invoice"


def fingerprint_of(method: Any) -> str | None:
    """What Stripe calls the number behind a PaymentMethod, of whichever type, if it was fetched with it."""
    details = getattr(method, method.type, None) if is_expanded(method) else None
    return getattr(details, "fingerprint", None)


def planned_of(schedule: Any, item: Any, others: list[str]) -> Planned | None:
    """The first phase to come that has another price or quantity of the plan.

    :param others: The prices of the items beside it.
    """
    if schedule.current_phase is None:
        return None
    for phase in schedule.phases:
        items = phase["items"]
        wanted = next((each for each in items if id_of(each.price) not in others), items[0])
        price_id, quantity = id_of(wanted.price) or "", wanted.quantity or 1
        if phase.start_date >= schedule.current_phase.end_date and (price_id, quantity) != (
            item.price.id,
            item.quantity,
        ):
            return Planned(price_id, quantity, moment(phase.start_date))
    return None


def invoice_of(
    invoice: Any,
    asked_at: datetime,
    lines: Iterable[Any] | None = None,
    payments: Iterable[Any] | None = None,
) -> StripeInvoice:
    """
    :param lines: All its lines, where the invoice itself holds only the first of them.
    :param payments: All its payments, in the same way.
    """
    transitions = invoice.status_transitions
    return StripeInvoice(
        id=invoice.id,
        number=invoice.number,
        status=invoice.status or "draft",
        total_minor=invoice.total,
        balance_minor=invoice.starting_balance,
        due_minor=invoice.amount_due,
        paid_minor=invoice.amount_paid,
        credited_minor=invoice.pre_payment_credit_notes_amount or 0,
        charges=charged_parts(_payments_of(invoice) if payments is None else payments),
        discount_minor=sum(discount.amount for discount in invoice.total_discount_amounts or []),
        tax_minor=sum(tax.amount for tax in invoice.total_taxes or []),
        taxed=taxed_of(invoice),
        currency=invoice.currency,
        lines=tuple(line_of(line) for line in (invoice.lines.data if lines is None else lines)),
        subscription_id=_subscription_id_of(invoice),
        payment_key=payment_key(invoice),
        page_url=invoice.hosted_invoice_url,
        pdf_url=invoice.invoice_pdf,
        retry_at=moment_or_none(invoice.next_payment_attempt),
        period_end=moment(invoice.period_end),
        created_at=moment(invoice.created),
        final_at=final_at(invoice),
        paid_at=moment_or_none(transitions.paid_at) if transitions else None,
        asked_at=asked_at,
    )


def _subscription_id_of(invoice: Any) -> str | None:
    details = invoice.parent.subscription_details if invoice.parent else None
    return id_of(details.subscription) if details else None


def discounts_param(ids: list[str]) -> list[dict[str, str]] | str:
    """Stripe's parameter ``discounts``; the empty text takes all away."""
    return [{"discount": discount_id} for discount_id in ids] or ""


def line_of(line: Any) -> InvoiceLine:
    price = line.pricing.price_details if line.pricing else None
    parent = line.parent
    recurring = parent.subscription_item_details if parent else None
    extra = parent.invoice_item_details if parent else None
    return InvoiceLine(
        price_id=id_of(price.price) if price else None,
        item_id=recurring.subscription_item if recurring else None,
        quantity=line.quantity or 1,
        amount_minor=line.amount,
        net_minor=line.amount - sum(discount.amount for discount in line.discount_amounts or []),
        is_of_plan=recurring is not None or bool(extra and extra.proration),
        is_part=bool((recurring and recurring.proration) or (extra and extra.proration)),
        gives_back=line.amount < 0 or _credits_earlier(recurring) or _credits_earlier(extra),
        start=line.period.start,
        end=line.period.end,
        discount_ids=frozenset(_discounts_of(line)),
        added_tax_minor=sum(tax.amount for tax in line.taxes or [] if tax.tax_behavior == "exclusive"),
    )


def _credits_earlier(details: Any) -> bool:
    """Whether the line gives earlier ones back, of which it names those that were invoiced."""
    proration = getattr(details, "proration_details", None)
    return bool(proration and proration.credited_items)


def _discounts_of(line: Any) -> Iterator[str]:
    """The discounts of a line: those with an amount, and those that a proration names, shown as 0 by Stripe.

    https://docs.stripe.com/changelog/clover/2025-09-30/itemize-proration-discount-amounts
    """
    reduced = {id_of(taken.discount) or "" for taken in line.discount_amounts or [] if taken.amount}
    yield from reduced
    if not line.discountable:
        yield from (id_of(discount) or "" for discount in line.discounts)


def discount_of(discount: Any) -> Discount:
    """:param discount: With its coupon expanded."""
    coupon = discount.source.coupon
    return Discount(
        discount.id, is_expanded(coupon) and coupon.duration == "once", moment_or_none(discount.end)
    )


def _payments_of(invoice: Any) -> list[Any]:
    """The payments of an invoice, if it was fetched with them."""
    payments = getattr(invoice, "payments", None)
    return list(payments.data) if payments else []
