"""The gateway's calls for plans. Errors, retries and the client are the gateway's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Any

from prepaid_ledger import clock

from ..catalog import Plan
from ..errors import CardDeclined, CardNeedsOwner, GatewayRefused
from .client import Gateway, ask, ask_for, created, walk
from .subscription_values import (
    KEY,
    Bill,
    Discount,
    Page,
    Price,
    Subscribed,
    bill_of,
    discount_of,
    page_of,
    price_of,
    subscribed_of,
)
from .values import id_of

#: A price, and how many times over.
Choice = tuple[str, int]


# Prices


def mirror_price(gateway: Gateway, plan: Plan, terms: dict[str, str]) -> Price:
    """The price with the plan's lookup key, made anew if it has other terms.

    Stripe's prices never change: who subscribed to the one before keeps it.
    """
    prices = gateway.client.v1.prices
    key = f"prepaid_plan_{plan.slug}"
    there = ask(lambda: prices.list({"lookup_keys": [key], "limit": 1})).data
    wanted = (plan.amount_minor, plan.currency, plan.interval, plan.interval_count, terms)
    if there:
        price = price_of(there[0])
        found = (price.amount_minor, price.currency, price.interval, price.interval_count, price.terms)
        if found == wanted:
            return price
    recurring = {"interval": plan.interval, "interval_count": plan.interval_count}
    params: Any = {
        "lookup_key": key,
        "transfer_lookup_key": True,
        "unit_amount": plan.amount_minor,
        "currency": plan.currency,
        "recurring": recurring,
        "metadata": terms,
        **({"product": id_of(there[0].product)} if there else {"product_data": {"name": plan.title}}),
    }
    return price_of(ask(lambda: prices.create(params)))


def fetch_price(gateway: Gateway, price_id: str) -> Price | None:
    price = ask_for(lambda: gateway.client.v1.prices.retrieve(price_id))
    return price_of(price) if price is not None and price.recurring is not None else None


# Beginning


def open_page(
    gateway: Gateway,
    *,
    key: str,
    customer_id: str,
    price_id: str,
    quantity: int,
    trial_days: int,
    needs_card: bool,
    success_url: str,
    cancel_url: str | None,
) -> Page:
    """A page of Stripe's where the customer subscribes. It lives for 24 hours.

    :param cancel_url: ``None`` is for a page of our own with Stripe's elements on it.
    """
    data: dict[str, Any] = {"metadata": {KEY: key}}
    if trial_days:
        data |= {
            "trial_period_days": trial_days,
            "trial_settings": {"end_behavior": {"missing_payment_method": "pause"}},
        }
    params: Any = {
        "mode": "subscription",
        "customer": customer_id,
        "line_items": [{"price": price_id, "quantity": quantity}],
        "metadata": {KEY: key},
        "subscription_data": data,
        "payment_method_collection": "always" if needs_card else "if_required",
    }
    if cancel_url is None:
        params |= {"ui_mode": "elements", "return_url": success_url}
    else:
        params |= {"ui_mode": "hosted_page", "success_url": success_url, "cancel_url": cancel_url}
    if gateway.config.promotion_codes:
        params["allow_promotion_codes"] = True
    if gateway.config.automatic_tax:
        params |= {"automatic_tax": {"enabled": True}, "customer_update": {"address": "auto"}}
    sessions = gateway.client.v1.checkout.sessions
    return page_of(ask(lambda: sessions.create(params, {"idempotency_key": key})))


def fetch_page(gateway: Gateway, session_id: str) -> Page | None:
    session = ask_for(lambda: gateway.client.v1.checkout.sessions.retrieve(session_id))
    return page_of(session) if session is not None and session.mode == "subscription" else None


def find_page(gateway: Gateway, customer_id: str, key: str) -> Page | None:
    """The page that was opened with ``key``, looked up when its answer was lost."""
    pages = walk(gateway.client.v1.checkout.sessions.list, {"customer": customer_id})
    return next(
        (page for page in (page_of(one) for one in pages if one.mode == "subscription") if page.key == key),
        None,
    )


def close_page(gateway: Gateway, session_id: str) -> Page:
    """Close an open page, so that it can never be paid.

    :raises GatewayRefused: It is not open any more.
    """
    return page_of(ask(lambda: gateway.client.v1.checkout.sessions.expire(session_id)))


def subscribe(
    gateway: Gateway,
    *,
    key: str,
    customer_id: str,
    price_id: str,
    quantity: int,
    trial_days: int,
    card_id: str,
) -> Subscribed:
    """Subscribe with a card on file. If it is declined or wants its owner, the first invoice stays open."""
    params: Any = {
        "customer": customer_id,
        "items": [{"price": price_id, "quantity": quantity}],
        "default_payment_method": card_id,
        "payment_behavior": "allow_incomplete",
        "metadata": {KEY: key},
        "expand": ["schedule"],
    }
    if trial_days:
        params["trial_period_days"] = trial_days
    asked_at = clock.wall()
    made = ask(lambda: gateway.client.v1.subscriptions.create(params, {"idempotency_key": key}))
    return subscribed_of(made, asked_at)


# What stands


def fetch(gateway: Gateway, stripe_id: str) -> Subscribed | None:
    """The subscription with its schedule and its card, or ``None`` if there is none."""
    asked_at = clock.wall()
    params: Any = {"expand": ["schedule", "default_payment_method"]}
    found = ask_for(lambda: gateway.client.v1.subscriptions.retrieve(stripe_id, params))
    return subscribed_of(found, asked_at) if found is not None else None


def discounts(gateway: Gateway, stripe_id: str) -> list[Discount]:
    """The coupons on a subscription."""
    params: Any = {"expand": ["discounts.source.coupon"]}
    found = ask(lambda: gateway.client.v1.subscriptions.retrieve(stripe_id, params))
    return [discount_of(one) for one in found.discounts]


def find(gateway: Gateway, customer_id: str, key: str) -> Subscribed | None:
    """The subscription that was made with ``key``, looked up when its answer was lost."""
    return next((one for one in all_of(gateway, customer=customer_id) if one.key == key), None)


def all_of(gateway: Gateway, since: datetime | None = None, **where: str) -> Iterator[Subscribed]:
    """Every subscription, ended ones too. ``since`` is by Stripe's own time."""
    asked_at = clock.wall()
    params = {**created(since), **where, "status": "all", "expand": ["data.schedule"]}
    for found in walk(gateway.client.v1.subscriptions.list, params):
        yield subscribed_of(found, asked_at)


def bills(gateway: Gateway, stripe_id: str, since: datetime | None = None) -> list[Bill]:
    """The invoices of a subscription with their payments, oldest first."""
    asked_at = clock.wall()
    invoices = gateway.client.v1.invoices
    params = {**created(since), "subscription": stripe_id, "expand": ["data.payments"]}
    found = []
    for invoice in walk(invoices.list, params):
        lines = walk(partial(invoices.line_items.list, invoice.id), {}) if invoice.lines.has_more else None
        found.append(bill_of(invoice, asked_at, lines))
    return found[::-1]


def of_invoice(gateway: Gateway, invoice_id: str) -> str | None:
    """The subscription that an invoice bills."""
    invoice = ask_for(lambda: gateway.client.v1.invoices.retrieve(invoice_id))
    details = invoice.parent.subscription_details if invoice and invoice.parent else None
    return id_of(details.subscription) if details else None


def invoice_of_intent(gateway: Gateway, intent_id: str) -> str | None:
    """The invoice that a PaymentIntent pays, if it pays one."""
    params: Any = {"payment": {"type": "payment_intent", "payment_intent": intent_id}, "limit": 1}
    page = ask(lambda: gateway.client.v1.invoice_payments.list(params))
    return id_of(page.data[0].invoice) if page.data else None


def of_schedule(gateway: Gateway, schedule_id: str) -> str | None:
    """The subscription that a schedule changes, or has changed."""
    schedule = ask_for(lambda: gateway.client.v1.subscription_schedules.retrieve(schedule_id))
    return (id_of(schedule.subscription) or schedule.released_subscription) if schedule else None


# What would follow

ALONE = {"preview_mode": "recurring"}


def preview(
    gateway: Gateway,
    stripe_id: str,
    *,
    alone: bool = False,
    discount_ids: list[str] | None = None,
    **details: Any,
) -> Bill | None:
    """The invoice that would follow, after a change if ``details`` tells one; ``None`` if none would.

    :param alone: Leave out what waits for the next invoice, such as prorations.
    :param discount_ids: In place of those that the subscription has.
    """
    asked_at = clock.wall()
    params: Any = {"subscription": stripe_id, **(ALONE if alone else {})}
    if details:
        params["subscription_details"] = details
    if discount_ids is not None:
        params["discounts"] = _discounts(discount_ids) or ""
    try:
        return bill_of(ask(lambda: gateway.client.v1.invoices.create_preview(params)), asked_at)
    except GatewayRefused as refused:
        if refused.reason == "invoice_upcoming_none":
            return None
        raise


def preview_renewal(
    gateway: Gateway,
    subscribed: Subscribed,
    wanted: Choice,
    plan: Plan,
    *,
    at_once: bool,
    discount_ids: list[str],
) -> Bill:
    """The first whole period that ``plan`` renews after a change to it.

    Where its interval is another one, Stripe shows the period that would begin now, which costs as much.
    A preview of a subscription holds to what its schedule has planned, whatever else it is asked; so
    where there is a schedule, that is previewed as the change would leave it.
    https://docs.stripe.com/api/invoices/create_preview

    :param at_once: The change's own invoice comes before it, with all that waits.
    :param discount_ids: Those that it will still have.
    """
    if subscribed.schedule_id is None:
        items = changed_item(subscribed, *wanted)
        bill = preview(
            gateway,
            subscribed.id,
            alone=at_once,
            discount_ids=discount_ids,
            items=items,
            proration_behavior="none",
        )
        assert bill is not None, "a plan that runs has a next invoice"
        return bill
    asked_at = clock.wall()
    now = wanted if at_once else (subscribed.price_id, subscribed.quantity)
    details = _planned(subscribed, _schedule(gateway, subscribed), now, wanted, plan, discount_ids)
    params: Any = {
        "schedule": subscribed.schedule_id,
        "schedule_details": details,
        **(ALONE if at_once else {}),
    }
    return bill_of(ask(lambda: gateway.client.v1.invoices.create_preview(params)), asked_at)


# Changing


def changed_item(subscribed: Subscribed, price_id: str, quantity: int) -> list[dict[str, Any]]:
    return [{"id": subscribed.item_id, "price": price_id, "quantity": quantity}]


def change_now(
    gateway: Gateway, subscribed: Subscribed, wanted: Choice, *, proration_date: int | None, key: str
) -> None:
    """Change at once and charge what it costs. If that is not paid, nothing has changed yet.

    :param proration_date: Since when it is charged; ``None`` charges nothing and gives nothing back.

    https://docs.stripe.com/billing/subscriptions/pending-updates
    """
    params: Any = {
        "items": changed_item(subscribed, *wanted),
        "proration_behavior": "none",
        "payment_behavior": "pending_if_incomplete",
    }
    if proration_date is not None:
        params |= {"proration_behavior": "always_invoice", "proration_date": proration_date}
    subscriptions = gateway.client.v1.subscriptions
    ask(lambda: subscriptions.update(subscribed.id, params, {"idempotency_key": key}))


def change_later(gateway: Gateway, subscribed: Subscribed, wanted: Choice, plan: Plan) -> None:
    """Change when the period ends, by a schedule that then lets the subscription go on alone.

    One that has planned another change plans this one instead.
    """
    schedules = gateway.client.v1.subscription_schedules
    if subscribed.schedule_id is None:
        schedule = ask(lambda: schedules.create({"from_subscription": subscribed.id}))
    else:
        schedule = _schedule(gateway, subscribed)
    now = (subscribed.price_id, subscribed.quantity)
    params: Any = _planned(subscribed, schedule, now, wanted, plan, list(subscribed.discount_ids))
    ask(lambda: schedules.update(schedule.id, params))


def _schedule(gateway: Gateway, subscribed: Subscribed) -> Any:
    schedule_id = subscribed.schedule_id
    assert schedule_id is not None, "it has one"
    return ask(lambda: gateway.client.v1.subscription_schedules.retrieve(schedule_id))


def _discounts(ids: list[str]) -> list[dict[str, str]]:
    return [{"discount": discount_id} for discount_id in ids]


def _planned(
    subscribed: Subscribed, schedule: Any, now: Choice, then: Choice, plan: Plan, discount_ids: list[str]
) -> dict[str, Any]:
    """The phases of a schedule: the running one until the period's end, and one period of ``plan``."""
    kept = {"discounts": _discounts(discount_ids) or ""}  # one that says nothing takes the customer's
    first = {
        "items": [{"price": now[0], "quantity": now[1]}],
        "start_date": schedule.current_phase.start_date,
        "end_date": int(subscribed.period_end.timestamp()),
        **kept,
    }
    second = {
        "items": [{"price": then[0], "quantity": then[1]}],
        "duration": {"interval": plan.interval, "interval_count": plan.interval_count},
        "proration_behavior": "none",
        **kept,
    }
    return {"end_behavior": "release", "proration_behavior": "none", "phases": [first, second]}


def release(gateway: Gateway, schedule_id: str) -> None:
    """Forget a change that is still to come."""
    ask(lambda: gateway.client.v1.subscription_schedules.release(schedule_id))


def update(gateway: Gateway, stripe_id: str, **params: Any) -> None:
    wanted: Any = params
    ask(lambda: gateway.client.v1.subscriptions.update(stripe_id, wanted))


def cancel_now(gateway: Gateway, stripe_id: str) -> None:
    """End it at once; nothing is charged and nothing paid back."""
    params: Any = {"invoice_now": False, "prorate": False}
    ask(lambda: gateway.client.v1.subscriptions.cancel(stripe_id, params))


def pause(gateway: Gateway, stripe_id: str) -> None:
    """Stop renewing. The period that is paid runs on."""
    params: Any = {"bill_for": {"unused_time_from": {"type": "none"}}}
    ask(lambda: gateway.client.v1.subscriptions.pause(stripe_id, params))


def resume(gateway: Gateway, stripe_id: str, *, anew: bool, key: str) -> None:
    """Go on: in a period that begins and is charged now, or in the paid one that still runs."""
    params: Any = {"billing_cycle_anchor": {"type": "now" if anew else "unchanged"}}
    ask(lambda: gateway.client.v1.subscriptions.resume(stripe_id, params, {"idempotency_key": key}))


def pay(gateway: Gateway, invoice_id: str, card_id: str) -> bool:
    """Pay an open invoice with a card on file; whether the bank said yes."""
    params: Any = {"payment_method": card_id}
    try:
        ask(lambda: gateway.client.v1.invoices.pay(invoice_id, params))
    except (CardDeclined, CardNeedsOwner):
        return False
    return True


def void(gateway: Gateway, invoice_id: str) -> None:
    """Ask for an open invoice's money no more."""
    ask(lambda: gateway.client.v1.invoices.void_invoice(invoice_id))
