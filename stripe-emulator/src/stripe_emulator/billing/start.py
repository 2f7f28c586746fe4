"""A new subscription, its trial or its first invoice.

https://docs.stripe.com/billing/subscriptions/overview#subscription-lifecycle
"""

from __future__ import annotations

from stripe_emulator import clock, events, ids, money, objects, store
from stripe_emulator.billing import (
    amounts,
    clocks,
    collection,
    cycle,
    discounts,
    drafts,
    invoices,
    items,
    lines,
    periods,
    states,
)
from stripe_emulator.clock import DAY
from stripe_emulator.errors import InvalidRequest
from stripe_emulator.resources import prices
from stripe_emulator.store import Json

#: The longest trial that Stripe gives.
LONGEST_TRIAL_DAYS = 730

AUTOMATIC_TAX = {"disabled_reason": None, "enabled": False, "liability": None}
INVOICE_SETTINGS = {
    "account_tax_ids": None,
    "custom_fields": None,
    "description": None,
    "footer": None,
    "issuer": {"type": "self"},
}
PAYMENT_SETTINGS = {
    "payment_method_options": None,
    "payment_method_types": None,
    "save_default_payment_method": "off",
}


def subscribe(customer: Json, form: Json) -> tuple[Json, Json]:
    """A subscription and the draft of its first invoice, told by their events; nothing is collected.

    :param form: As ``POST /v1/subscriptions`` takes it.
    :raises InvalidRequest: A price, a discount or a date is not right.
    """
    subscription = _new(customer, form)
    invoice = _first_invoice(subscription, customer, form)
    objects.change(subscription, latest_invoice=invoice["id"], _debits=cycle.debited(invoice))
    if subscription["status"] == "trialing":
        events.emit("customer.subscription.created", subscription)
        events.emit("invoice.created", invoice)
    else:
        events.emit("invoice.created", invoice)
        events.emit("customer.subscription.created", subscription)
    cycle.plan_ahead(subscription)
    if subscription["trial_end"] and subscription["trial_end"] - cycle.TRIAL_REMINDER <= clock.now():
        cycle.remind_of_trial(subscription["id"])
    return subscription, invoice


def collect_first(subscription: Json, invoice: Json, behavior: str) -> None:
    """Finalize the first invoice and collect it as ``payment_behavior`` says.

    :raises NothingKept: The card was declined and the request asked for all or nothing.
    """
    if subscription["collection_method"] == "send_invoice":
        states.change(subscription, status=states.running(subscription))
        collection.advance_later(invoice)
        return
    if subscription["status"] == "incomplete":
        clock.schedule(clock.now() + states.FIRST_PAYMENT_TIME, "subscription.expire", subscription["id"])
    invoices.finalize(invoice)
    if invoice["status"] != "open":
        return
    if behavior == "default_incomplete":
        collection.prepare(invoice)
        return
    error = collection.attempt(invoice)
    if behavior == "error_if_incomplete" and invoice["status"] != "paid":
        raise collection.refused(invoice, error)


def interval(wanted: Json | str | None) -> Json | None:
    """How often waiting invoice items are billed: each one, if no count is given."""
    return {"interval_count": 1} | wanted if isinstance(wanted, dict) else None


def _new(customer: Json, form: Json) -> Json:
    subscription_id = ids.new("subscription")
    wanted = form.get("items") or []
    data = [
        items.new(one, subscription_id, customer, f"items[{number}]") for number, one in enumerate(wanted)
    ]
    if not data:
        raise InvalidRequest("Missing required param: items.", code="parameter_missing", param="items")
    items.check(data)
    currency = data[0]["price"]["currency"]
    if "currency" in form and money.currency(form["currency"]) != currency:
        raise InvalidRequest(
            f"The price specified supports only the currency {currency}.",
            code="currency_mismatch",
            param="currency",
        )
    start = form.get("backdate_start_date", clock.now())
    clocks.check(start, "backdate_start_date")
    if start > clock.now():
        raise InvalidRequest("The start date must be in the past.", param="backdate_start_date")
    trial_end = _trial_end(form, data)
    anchor = _anchor(form, data, start, trial_end)
    for item in data:
        _first_period(item, anchor, start, trial_end)
    renewal = min(item["current_period_end"] for item in data)
    method_id = form.get("default_payment_method")
    if method_id:
        check_method(method_id, customer)
    subscription = objects.create(
        "subscription",
        id=subscription_id,
        automatic_tax=AUTOMATIC_TAX | _enabled(form),
        billing_cycle_anchor=anchor,
        billing_cycle_anchor_config=_anchor_config(form),
        billing_mode=_billing_mode(form),
        cancel_at=cancel_at(form, renewal),
        cancel_at_period_end=form.get("cancel_at_period_end", False),
        canceled_at=clock.now() if form.get("cancel_at_period_end") or form.get("cancel_at") else None,
        cancellation_details={"comment": None, "feedback": None, "reason": None},
        collection_method=form.get("collection_method", "charge_automatically"),
        currency=currency,
        customer=customer["id"],
        days_until_due=form.get("days_until_due"),
        default_payment_method=method_id,
        default_source=form.get("default_source"),
        default_tax_rates=items.tax_rates(form.get("default_tax_rates"), "default_tax_rates"),
        description=form.get("description"),
        discounts=discounts.redeem_all(
            discount_forms(form), customer, "discounts", subscription=subscription_id
        ),
        invoice_settings=INVOICE_SETTINGS | (form.get("invoice_settings") or {}),
        items=items.as_list(subscription_id, data),
        managed_payments={"enabled": False},
        metadata=form.get("metadata"),
        payment_settings=PAYMENT_SETTINGS | (form.get("payment_settings") or {}),
        pending_invoice_item_interval=interval(form.get("pending_invoice_item_interval")),
        start_date=start,
        status="trialing" if trial_end else "incomplete",
        test_clock=customer.get("test_clock"),
        trial_end=trial_end,
        trial_settings=_trial_settings(form),
        trial_start=clock.now() if trial_end else None,
        _debits={},
    )
    if subscription["collection_method"] == "send_invoice" and subscription["days_until_due"] is None:
        raise InvalidRequest(
            "If you send invoices to your customers, specify how many days they have to pay: days_until_due.",
            code="parameter_missing",
            param="days_until_due",
        )
    if customer["currency"] is None:
        objects.change(customer, currency=currency)
    return subscription


def _first_invoice(subscription: Json, customer: Json, form: Json) -> Json:
    add_invoice_items(subscription, customer, form)
    trial = subscription["status"] == "trialing"
    waiting = drafts.take_pending(customer, subscription["currency"], subscription)
    free = form.get("proration_behavior") == "none"
    billed = [
        _first_line(subscription, item, trial=trial)
        for item in subscription["items"]["data"]
        if trial or not (free and _is_partial(subscription, item))
    ]
    return drafts.new(
        customer,
        subscription["currency"],
        "subscription_create",
        [*waiting, *billed],
        subscription=subscription,
        **cycle.collecting(subscription),
    )


def _first_line(subscription: Json, item: Json, *, trial: bool) -> Json:
    """The first period may be shorter than the others, and then costs its share."""
    line = lines.of_period(subscription, item, trial=trial)
    if not trial and _is_partial(subscription, item):
        start, end = item["current_period_start"], item["current_period_end"]
        whole = periods.of_price(item["price"]).around(start, subscription["billing_cycle_anchor"])
        line["amount"] = line["subtotal"] = amounts.share(
            line["amount"], start=whole[0], end=whole[1], since=start
        )
        line["period"] = {"start": start, "end": end}
    return line


def _is_partial(subscription: Json, item: Json) -> bool:
    interval = periods.of_price(item["price"])
    start = item["current_period_start"]
    return bool(interval.around(start, subscription["billing_cycle_anchor"])[0] != start)


def add_invoice_items(subscription: Json, customer: Json, form: Json) -> None:
    """``add_invoice_items[]``: what is paid once, with the next invoice of the subscription."""
    for number, one in enumerate(form.get("add_invoice_items") or []):
        param = f"add_invoice_items[{number}]"
        price = (
            prices.from_data(one["price_data"], f"{param}[price_data]")
            if "price_data" in one
            else store.named("price", one.get("price", ""), f"{param}[price]")
        )
        quantity = one.get("quantity", 1)
        lines.new_invoiceitem(
            customer,
            amount=prices.total(price, quantity),
            currency=price["currency"],
            description=lines.product_name(price),
            discountable=one.get("discountable", True),
            discounts=discounts.redeem_all(one.get("discounts"), customer, f"{param}[discounts]"),
            metadata=one.get("metadata"),
            parent={
                "subscription_details": {"subscription": subscription["id"], "subscription_item": None},
                "type": "subscription_details",
            },
            pricing=lines.pricing(price),
            quantity=quantity,
            tax_rates=items.tax_rates(one.get("tax_rates"), f"{param}[tax_rates]"),
        )


def discount_forms(form: Json) -> list[Json]:
    """``discounts[]``, or what older requests say with ``coupon`` and ``promotion_code``."""
    wanted = form.get("discounts") or []
    older = [{name: form[name]} for name in ("coupon", "promotion_code") if form.get(name)]
    return [*wanted, *older]


def _trial_end(form: Json, data: list[Json]) -> int | None:
    """When the trial ends, or None if there is none."""
    days = form.get("trial_period_days")
    if days is None and form.get("trial_from_plan"):
        days = data[0]["price"]["recurring"]["trial_period_days"]
    wanted = form.get("trial_end")
    if wanted is not None and days is not None:
        raise InvalidRequest("You may only specify one of these parameters: trial_end, trial_period_days.")
    if days is not None:
        if not 0 <= days <= LONGEST_TRIAL_DAYS:
            raise InvalidRequest(
                f"The maximum number of trial period days is {LONGEST_TRIAL_DAYS} (2 years).",
                param="trial_period_days",
            )
        return clock.now() + days * DAY if days else None
    if wanted in (None, "now"):
        return None
    return check_trial_end(wanted)


def check_trial_end(moment: int) -> int:
    """:raises InvalidRequest: In the past, or more than two years away."""
    if moment <= clock.now():
        raise InvalidRequest(
            "Invalid timestamp: must be an integer Unix timestamp in the future.", param="trial_end"
        )
    if moment > clock.now() + LONGEST_TRIAL_DAYS * DAY + DAY:
        raise InvalidRequest("Invalid timestamp: trial_end can be at most two years away.", param="trial_end")
    return moment


def _anchor(form: Json, data: list[Json], start: int, trial_end: int | None) -> int:
    """The billing cycle anchor: given, the end of the trial, or now."""
    if "billing_cycle_anchor" in form:
        anchor: int = form["billing_cycle_anchor"]
        latest = min(periods.of_price(item["price"]).after(trial_end or start) for item in data)
        if anchor < clock.now() or anchor > latest:
            raise InvalidRequest(
                "billing_cycle_anchor cannot be later than the next natural billing date, nor in the past.",
                param="billing_cycle_anchor",
            )
        return anchor
    config = form.get("billing_cycle_anchor_config")
    if config:
        return periods.next_day_of_month(trial_end or start, config)
    return trial_end or start


def _first_period(item: Json, anchor: int, start: int, trial_end: int | None) -> None:
    item["current_period_start"] = start
    if trial_end is not None:
        item["current_period_end"] = trial_end
    else:
        item["current_period_end"] = periods.of_price(item["price"]).around(clock.now(), anchor)[1]


def _anchor_config(form: Json) -> Json | None:
    config = form.get("billing_cycle_anchor_config")
    if not config:
        return None
    return {key: config.get(key) for key in ("day_of_month", "hour", "minute", "month", "second")}


def _billing_mode(form: Json) -> Json:
    mode = form.get("billing_mode") or {"type": "flexible"}
    if mode["type"] == "classic":
        return {"flexible": None, "type": "classic"}
    included = {"proration_discounts": "included"}
    return {"flexible": included | (mode.get("flexible") or {}), "type": "flexible"}


def cancel_at(form: Json, renewal: int) -> int | None:
    if form.get("cancel_at_period_end"):
        return renewal
    wanted = form.get("cancel_at")
    return renewal if wanted in ("min_period_end", "max_period_end", "max_billed_until") else wanted or None


def _trial_settings(form: Json) -> Json:
    given = (form.get("trial_settings") or {}).get("end_behavior") or {}
    return {"end_behavior": {"missing_payment_method": "create_invoice"} | given}


def _enabled(form: Json) -> Json:
    given = form.get("automatic_tax") or {}
    if given.get("enabled"):
        return {"enabled": True, "liability": {"type": "self"}}
    return {}


def check_method(method_id: str, customer: Json) -> None:
    method = store.named("payment_method", method_id, "default_payment_method")
    if method["customer"] != customer["id"]:
        raise InvalidRequest(
            f"The customer does not have a payment method with the ID {method_id}. The payment method must be"
            " attached to the customer.",
            code="resource_missing",
            param="default_payment_method",
        )
