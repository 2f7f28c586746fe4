"""A new subscription, its trial or its first invoice.

https://docs.stripe.com/billing/subscriptions/overview#subscription-lifecycle
"""

from __future__ import annotations

from stripe_emulator.billing.invoices import automatic_tax, collection, drafts, invoices, lines
from stripe_emulator.billing.lifecycle import cycle, entitlements, states, trials_without_card
from stripe_emulator.billing.terms import currencies, items, terms
from stripe_emulator.catalog import currency_options, pricing
from stripe_emulator.catalog.discounts import redemption
from stripe_emulator.catalog.sums import amounts
from stripe_emulator.core import ids, money
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.time import clock, due_work, periods
from stripe_emulator.core.types import Json
from stripe_emulator.events import events, objects


def subscribe(customer: Json, form: Json) -> tuple[Json, Json]:
    """A subscription and the draft of its first invoice, with their events; nothing is collected.

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
    entitlements.sync(subscription)
    cycle.plan_ahead(subscription)
    if subscription["trial_end"] and subscription["trial_end"] - cycle.TRIAL_REMINDER <= clock.now():
        cycle.remind_of_trial(subscription["id"])
    return subscription, invoice


def collect_first(subscription: Json, invoice: Json, behavior: str, *, off_session: bool = False) -> None:
    """Finalize the first invoice and collect it as ``payment_behavior`` says.

    :param off_session: The customer is not there while it is collected.
    :raises NothingKept: The card was declined and the request asked for all or nothing.
    """
    if subscription["collection_method"] == "send_invoice":
        states.change(subscription, status=states.running(subscription))
        collection.advance_later(invoice)
        return
    if subscription["status"] == "incomplete":
        due_work.schedule(clock.now() + states.FIRST_PAYMENT_TIME, "subscription.expire", subscription["id"])
    if subscription["status"] == "trialing":
        trials_without_card.ask(subscription)
    invoices.finalize(invoice)
    if invoice["status"] != "open":
        return
    if behavior == "default_incomplete":
        collection.prepare(invoice)
        return
    error = collection.attempt(invoice, off_session=off_session)
    if behavior == "error_if_incomplete" and invoice["status"] != "paid":
        raise collection.refused(invoice, error)


def _new(customer: Json, form: Json) -> Json:
    """The subscription itself, with its items in their first period."""
    terms.refuse_what_is_missing(form)
    subscription_id = ids.new("subscription")
    data, currency = _items(form, subscription_id, customer)
    currencies.check(customer, currency)
    begins = _begins(form)
    trial_end = terms.trial_end(form, data)
    anchor = terms.anchor(form, data, begins, trial_end)
    for item in data:
        _first_period(item, anchor, begins, trial_end)
    renewal = min(item["current_period_end"] for item in data)
    terms.check_means(form, customer)
    subscription = objects.create(
        "subscription",
        id=subscription_id,
        billing_cycle_anchor=anchor,
        cancel_at=terms.cancel_at(form, renewal),
        currency=currency,
        customer=customer["id"],
        discounts=redemption.redeem_all(
            form.get("discounts"),
            customer,
            "discounts",
            order=redemption.Order(items.worth(data, currency), currency),
            subscription=subscription_id,
        ),
        **items.shown(subscription_id, data),
        metadata=form.get("metadata"),
        start_date=begins,
        status="trialing" if trial_end else "incomplete",
        test_clock=customer.get("test_clock"),
        trial_end=trial_end,
        trial_start=clock.now() if trial_end else None,
        _debits={},
        **_parameters(form),
    )
    currencies.take(customer, subscription["currency"])
    return subscription


def _parameters(form: Json) -> Json:
    """What a subscription takes over from its form, and what it is where nothing was asked."""
    method = form.get("collection_method", "charge_automatically")
    if method == "send_invoice" and "days_until_due" not in form:
        raise InvalidRequest(
            "If you send invoices to your customers, specify how many days they have to pay: days_until_due.",
            code="parameter_missing",
            param="days_until_due",
        )
    if method != "send_invoice" and form.get("days_until_due") is not None:
        raise InvalidRequest(
            "You can only specify `days_until_due` if `collection_method` is `send_invoice`.",
            param="days_until_due",
        )
    leaves = form.get("cancel_at_period_end") or form.get("cancel_at")
    return {
        "automatic_tax": automatic_tax.of_subscription(enabled=automatic_tax.is_wanted(form)),
        "billing_cycle_anchor_config": terms.anchor_config(form),
        "billing_mode": _billing_mode(form),
        "cancel_at_period_end": form.get("cancel_at_period_end", False),
        "canceled_at": clock.now() if leaves else None,
        "cancellation_details": {"comment": None, "feedback": None, "reason": None},
        "collection_method": method,
        "days_until_due": form.get("days_until_due"),
        "default_payment_method": form.get("default_payment_method"),
        "default_source": form.get("default_source"),
        "default_tax_rates": items.tax_rates(form.get("default_tax_rates"), "default_tax_rates"),
        "description": form.get("description"),
        "invoice_settings": terms.INVOICE_SETTINGS | (form.get("invoice_settings") or {}),
        "managed_payments": {"enabled": False},
        "payment_settings": terms.PAYMENT_SETTINGS | (form.get("payment_settings") or {}),
        "pending_invoice_item_interval": terms.interval(form.get("pending_invoice_item_interval")),
        "trial_settings": terms.trial_settings(form),
    }


def _billing_mode(form: Json) -> Json:
    mode = terms.billing_mode(form)
    return mode | ({"updated_at": clock.now()} if mode["type"] == "flexible" else {})


def _items(form: Json, subscription_id: str, customer: Json) -> tuple[list[Json], str]:
    """The items that a form wants, and the currency in which they are billed."""
    wanted = form.get("items") or []
    data = [
        items.new(item_form, subscription_id, customer, f"items[{number}]")
        for number, item_form in enumerate(wanted)
    ]
    if not data:
        raise InvalidRequest("Missing required param: items.", code="parameter_missing", param="items")
    currency = items.check(data, form.get("currency"))
    items.check_mode(data, terms.billing_mode(form))
    return data, currency


def _begins(form: Json) -> int:
    moment = clock.check(form.get("backdate_start_date", clock.now()), "backdate_start_date")
    if moment > clock.now():
        raise InvalidRequest("The start date must be in the past.", param="backdate_start_date")
    return moment


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
            line["amount"],
            start=whole[0],
            end=whole[1],
            since=start,
            coin=money.coin(subscription["currency"]),
        )
        line["period"] = {"start": start, "end": end}
    return line


def _is_partial(subscription: Json, item: Json) -> bool:
    interval = periods.of_price(item["price"])
    start = item["current_period_start"]
    return bool(interval.around(start, subscription["billing_cycle_anchor"])[0] != start)


def add_invoice_items(subscription: Json, customer: Json, form: Json) -> None:
    """``add_invoice_items[]``: what is paid once, with the next invoice of the subscription."""
    for number, extra in enumerate(form.get("add_invoice_items") or []):
        param = f"add_invoice_items[{number}]"
        bought = items.price_paid_once(extra, f"{param}[price]", f"{param}[price_data]")
        currency_options.must_support(bought, subscription["currency"], f"{param}[price]")
        price = currency_options.within(bought, subscription["currency"])
        quantity = extra.get("quantity", 1)
        lines.new_invoiceitem(
            customer,
            amount=pricing.total(price, quantity),
            currency=price["currency"],
            description=lines.product_name(price),
            discountable=extra.get("discountable", True),
            discounts=redemption.redeem_all(extra.get("discounts"), customer, f"{param}[discounts]"),
            metadata=extra.get("metadata"),
            parent={
                "subscription_details": {"subscription": subscription["id"], "subscription_item": None},
                "type": "subscription_details",
            },
            pricing=lines.pricing_of(price),
            quantity=quantity,
            tax_rates=items.tax_rates(extra.get("tax_rates"), f"{param}[tax_rates]"),
        )


def _first_period(item: Json, anchor: int, start: int, trial_end: int | None) -> None:
    item["current_period_start"] = start
    if trial_end is not None:
        item["current_period_end"] = trial_end
    else:
        item["current_period_end"] = periods.of_price(item["price"]).around(clock.now(), anchor)[1]
