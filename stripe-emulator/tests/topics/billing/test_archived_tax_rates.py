"""An archived tax rate is for nothing new, and goes on where it is."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import stripe

from ..shop import Shop


def rate(shop: Shop) -> str:
    return shop.v1.tax_rates.create({"display_name": "VAT", "percentage": 20, "inclusive": False}).id


def archived(shop: Shop) -> str:
    named = rate(shop)
    shop.v1.tax_rates.update(named, {"active": False})
    return named


def a_subscription(shop: Shop, customer: str, price: str, rates: list[str]) -> Any:
    return shop.subscribe(customer, price, default_tax_rates=rates)


def an_item(shop: Shop, customer: str, price: str, rates: list[str]) -> Any:
    form: Any = {"customer": customer, "items": [{"price": price, "tax_rates": rates}]}
    return shop.v1.subscriptions.create(form)


def an_invoice(shop: Shop, customer: str, price: str, rates: list[str]) -> Any:
    return shop.v1.invoices.create({"customer": customer, "default_tax_rates": rates})


def an_invoice_item(shop: Shop, customer: str, price: str, rates: list[str]) -> Any:
    form: Any = {"customer": customer, "amount": 100, "currency": "usd", "tax_rates": rates}
    return shop.v1.invoice_items.create(form)


def a_schedule(shop: Shop, customer: str, price: str, rates: list[str]) -> Any:
    phase: Any = {"items": [{"price": price}], "default_tax_rates": rates}
    return shop.v1.subscription_schedules.create(
        {"customer": customer, "start_date": "now", "phases": [phase]}
    )


def a_quote(shop: Shop, customer: str, price: str, rates: list[str]) -> Any:
    form: Any = {"customer": customer, "line_items": [{"price": price}], "default_tax_rates": rates}
    return shop.v1.quotes.create(form)


def a_session(shop: Shop, customer: str, price: str, rates: list[str]) -> Any:
    form: Any = {
        "customer": customer,
        "mode": "subscription",
        "line_items": [{"price": price, "quantity": 1}],
        "subscription_data": {"default_tax_rates": rates},
        "success_url": "https://shop.example",
    }
    return shop.v1.checkout.sessions.create(form)


MADE = [a_subscription, an_item, an_invoice, an_invoice_item, a_schedule, a_quote, a_session]


@pytest.mark.parametrize("making", MADE)
def test_an_archived_rate_is_refused_for_what_is_new(
    shop: Shop, making: Callable[[Shop, str, str, list[str]], Any]
) -> None:
    customer, price = shop.customer(), shop.price(1000)
    making(shop, customer, price, [rate(shop)])

    with pytest.raises(stripe.InvalidRequestError, match=r"tax rate txr_\w+ is inactive") as refused:
        making(shop, customer, price, [archived(shop)])

    assert re.search(r"tax_rates\]?\[0\]$", str(refused.value.param))


def test_a_rate_that_is_archived_later_goes_on(shop: Shop) -> None:
    customer, named = shop.customer(), rate(shop)
    plan = shop.subscribe(customer, shop.price(1000), default_tax_rates=[named])
    session = a_session(shop, shop.customer(), shop.price(1000), [named])
    quote = a_quote(shop, shop.customer(), shop.price(1000), [named])
    shop.v1.tax_rates.update(named, {"active": False})

    paid = shop.emulator.pay(session.id)
    shop.v1.quotes.finalize_quote(quote.id)
    accepted = shop.v1.quotes.accept(quote.id)
    shop.v1.subscriptions.update(plan.id, {"default_tax_rates": [named], "description": "as before"})
    shop.advance(days=32)

    assert paid["amount_total"] == 1200
    assert accepted.subscription is not None
    assert shop.latest(customer).total == 1200


def test_a_rate_that_a_schedule_has_goes_on_when_it_is_archived(shop: Shop) -> None:
    of_phase, of_item = rate(shop), rate(shop)
    item: Any = {"price": shop.price(1000), "tax_rates": [of_item]}
    phase: Any = {"items": [item], "default_tax_rates": [of_phase]}
    schedule = shop.v1.subscription_schedules.create(
        {"customer": shop.customer(), "start_date": shop.emulator.now() + 3600, "phases": [phase]}
    )
    for named in (of_phase, of_item):
        shop.v1.tax_rates.update(named, {"active": False})

    again: Any = {**phase, "start_date": schedule.phases[0].start_date}
    changed = shop.v1.subscription_schedules.update(schedule.id, {"phases": [again]})

    assert [held.id for held in changed.phases[0].default_tax_rates or []] == [of_phase]
    assert [held.id for held in changed.phases[0].items[0].tax_rates or []] == [of_item]
    other: Any = {**again, "default_tax_rates": [archived(shop)]}
    with pytest.raises(stripe.InvalidRequestError, match="is inactive"):
        shop.v1.subscription_schedules.update(schedule.id, {"phases": [other]})


def test_what_a_phase_adds_to_its_invoice_is_taxed_by_its_own_rates(shop: Shop) -> None:
    customer, plan, setup = shop.customer(), shop.price(1000), shop.price(500, "Setup", recurring=None)
    extra: Any = {"price": setup, "tax_rates": [rate(shop)]}
    phase: Any = {"items": [{"price": plan}], "add_invoice_items": [extra], "duration": {"interval": "month"}}

    schedule = shop.v1.subscription_schedules.create(
        {"customer": customer, "start_date": "now", "phases": [phase]}
    )
    shop.advance(hours=2)

    assert [held.id for held in schedule.phases[0].add_invoice_items[0].tax_rates or []] == extra["tax_rates"]
    assert shop.latest(customer).total == 1000 + 600
    phase["start_date"] = schedule.phases[0].start_date
    shop.v1.tax_rates.update(extra["tax_rates"][0], {"active": False})
    again = shop.v1.subscription_schedules.update(schedule.id, {"phases": [phase]})
    assert again.phases[0].add_invoice_items[0].tax_rates, "what a phase has, it keeps"


def test_a_later_phase_brings_its_own_rates(shop: Shop) -> None:
    customer, first, second = shop.customer(), rate(shop), rate(shop)
    item: Any = {"price": shop.price(1000)}
    month: Any = {"interval": "month", "interval_count": 1}
    phases: Any = [
        {"items": [{**item, "tax_rates": [first]}], "duration": month},
        {"items": [{**item, "tax_rates": []}], "default_tax_rates": [second], "duration": month},
    ]
    shop.v1.subscription_schedules.create({"customer": customer, "start_date": "now", "phases": phases})
    shop.v1.tax_rates.update(second, {"active": False})

    shop.advance(days=32)

    (plan,) = shop.v1.subscriptions.list({"customer": customer}).data
    assert [held.id for held in plan.default_tax_rates or []] == [second]
    assert shop.latest(customer).total == 1200
