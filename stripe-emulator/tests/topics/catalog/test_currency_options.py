"""One price in several currencies, from the price to the renewals that are billed in one of them."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from ..shop import Shop

IN_THREE: Any = {
    "currency": "usd",
    "unit_amount": 1000,
    "recurring": {"interval": "month"},
    "product_data": {"name": "Gold"},
    "currency_options": {"eur": {"unit_amount": 900}, "jpy": {"unit_amount": 1500}},
}


@pytest.fixture
def price(shop: Shop) -> str:
    return shop.v1.prices.create(IN_THREE).id


def test_the_options_are_shown_when_asked_for(shop: Shop, price: str) -> None:
    asked_for: Any = shop.v1.prices.retrieve(price, {"expand": ["currency_options"]})

    options = {code: option["unit_amount"] for code, option in asked_for.currency_options.to_dict().items()}
    assert options == {"usd": 1000, "eur": 900, "jpy": 1500}
    assert "currency_options" not in shop.v1.prices.retrieve(price)


def test_a_plan_in_euros_is_billed_prorated_and_renewed_in_euros(shop: Shop, price: str) -> None:
    customer = shop.customer()
    plan = shop.subscribe(customer, price, currency="eur")
    item: Any = plan["items"].data[0]
    first = shop.latest(customer)
    shop.advance(days=10)
    shop.update(plan.id, items=[{"id": item.id, "quantity": 2}])
    prorations = shop.v1.invoice_items.list({"customer": customer}).data
    shop.advance(months=1)

    assert (plan.currency, item.price.currency) == ("eur", "usd")  # the price shows its own
    assert (first.total, first.currency) == (900, "eur")
    assert first.lines.data[0].description == "1 × Gold (at €9.00 / month)"
    assert {proration.currency for proration in prorations} == {"eur"}
    assert 0 < sum(proration.amount for proration in prorations) < 900
    assert shop.latest(customer).currency == "eur"
    assert shop.latest(customer).subtotal == 1800 + sum(proration.amount for proration in prorations)


def test_checkout_sells_in_the_currency_that_is_named(shop: Shop, price: str) -> None:
    form: Any = {
        "mode": "subscription",
        "currency": "jpy",
        "success_url": "https://shop.example",
        "line_items": [{"price": price, "quantity": 2}],
    }
    session = shop.v1.checkout.sessions.create(form)
    shop.emulator.pay(session)

    assert (session.currency, session.amount_total) == ("jpy", 3000)
    assert shop.v1.subscriptions.list({}).data[0].currency == "jpy"
    with pytest.raises(stripe.InvalidRequestError, match="usd, eur, jpy"):
        shop.v1.checkout.sessions.create(form | {"currency": "gbp"})


@pytest.mark.parametrize(
    ("options", "param"),
    [
        ({"usd": {"unit_amount": 5}}, "currency_options[usd]"),
        ({"xxx": {"unit_amount": 5}}, "currency_options[xxx]"),
        ({"eur": {"tax_behavior": "inclusive"}}, "currency_options[eur][unit_amount]"),
    ],
)
def test_options_that_no_price_can_have_are_refused(shop: Shop, options: Any, param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.v1.prices.create(IN_THREE | {"currency_options": options})

    assert refused.value.param == param


def test_a_plan_has_no_currency_that_its_price_has_not(shop: Shop, price: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.subscribe(shop.customer(), price, currency="gbp")

    assert (refused.value.code, refused.value.param) == ("currency_mismatch", "currency")
