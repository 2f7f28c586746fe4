"""What Stripe has of plans, as plain frozen values, and how each is read from the SDK's object."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..values import id_of, is_expanded, moment, moment_or_none

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


def discounts_param(ids: list[str]) -> list[dict[str, str]] | str:
    """Stripe's parameter ``discounts``; the empty text takes all away."""
    return [{"discount": discount_id} for discount_id in ids] or ""


def discount_of(discount: Any) -> Discount:
    """:param discount: With its coupon expanded."""
    coupon = discount.source.coupon
    return Discount(
        discount.id, is_expanded(coupon) and coupon.duration == "once", moment_or_none(discount.end)
    )
