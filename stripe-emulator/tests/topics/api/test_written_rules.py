"""What Stripe's documents say in words about billing, methods and addresses, and in no type."""

from __future__ import annotations

from typing import Any, cast

import pytest
import stripe

from ..shop import DAY, Shop, envelope


def refused_param(call: Any, *args: Any, **form: Any) -> str:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        call(*args, cast(Any, form))
    assert refused.value.http_status == 400
    return str(envelope(refused.value)["param"])


def test_an_address_of_the_web_has_a_scheme(shop: Shop) -> None:
    create, product = shop.v1.products.create, shop.v1.products.create({"name": "Pen"}).id
    data = {"currency": "usd", "unit_amount": 500, "product_data": {"name": "Pen", "images": ["pen.png"]}}
    form = {"mode": "payment", "success_url": "https://shop.example"}
    lines = [{"quantity": 1, "price_data": data}]

    assert refused_param(create, name="Pen", url="shop.example/pen") == "url"
    assert refused_param(create, name="Pen", images=["https://shop.example/a.png", "b.png"]) == "images[1]"
    assert refused_param(shop.v1.products.update, product, images=["b.png"]) == "images[0]"
    page = refused_param(shop.v1.checkout.sessions.create, **form, line_items=lines)
    assert page.endswith("[product_data][images][0]")
    shown = create({"name": "Pen", "url": "https://shop.example/pen", "images": ["https://shop.example/a"]})
    assert (shown.url, shown.images) == ("https://shop.example/pen", ["https://shop.example/a"])


def test_a_payment_method_has_a_type(shop: Shop) -> None:
    assert refused_param(shop.v1.payment_methods.create, card={"token": "tok_visa"}) == "type"


def test_what_pays_by_default_is_the_customers_own(shop: Shop) -> None:
    customer, price = shop.customer(), shop.price()
    plan = shop.subscribe(customer, price).id
    named = {"default_source": "card_of_nobody"}

    answers = [
        refused_param(shop.v1.invoices.create, customer=customer, **named),
        refused_param(shop.v1.subscriptions.create, customer=customer, items=[{"price": price}], **named),
        refused_param(shop.v1.subscriptions.update, plan, **named),
    ]

    assert answers == ["default_source"] * 3
    assert shop.subscription(plan).default_source is None


def test_who_is_sent_invoices_has_days_to_pay(shop: Shop) -> None:
    plan = shop.subscribe(shop.customer(), shop.price()).id

    refused = refused_param(shop.v1.subscriptions.update, plan, collection_method="send_invoice")
    sent = shop.update(plan, collection_method="send_invoice", days_until_due=10)

    assert (refused, sent.days_until_due) == ("days_until_due", 10)


def test_a_day_of_the_month_is_for_prices_of_months_and_years(shop: Shop) -> None:
    weekly = shop.price(recurring={"interval": "week"})
    form: Any = {"customer": shop.customer(), "billing_cycle_anchor_config": {"day_of_month": 5}}

    refused = refused_param(shop.v1.subscriptions.create, **form, items=[{"price": weekly}])
    monthly = shop.v1.subscriptions.create(form | {"items": [{"price": shop.price()}]})

    assert refused == "billing_cycle_anchor_config"
    assert monthly.status == "active"


def test_a_preview_is_of_one_thing(shop: Shop) -> None:
    plan = shop.subscribe(shop.customer(), shop.price()).id
    schedule = shop.v1.subscription_schedules.create({"from_subscription": plan}).id
    preview = shop.v1.invoices.create_preview

    assert refused_param(preview, schedule=schedule, subscription=plan) == "schedule"
    assert refused_param(preview, currency="usd") == "customer"
    assert preview({"subscription": plan}).total == preview({"schedule": schedule}).total == 1000


@pytest.mark.parametrize("days", [-1, 6 * 365])
def test_an_invoice_is_finalized_within_five_years(shop: Shop, days: int) -> None:
    moment = shop.emulator.now() + days * DAY
    form = {"customer": shop.customer(), "auto_advance": True}

    refused = refused_param(shop.v1.invoices.create, **form, automatically_finalizes_at=moment)

    assert refused == "automatically_finalizes_at"
    assert shop.v1.invoices.list().data == []


def test_an_inactive_tax_rate_is_on_no_new_page(shop: Shop) -> None:
    rate = shop.v1.tax_rates.create({"display_name": "VAT", "percentage": 10, "inclusive": False}).id
    lines: Any = [{"price": shop.price(recurring=None), "quantity": 1, "tax_rates": [rate]}]
    form: Any = {"mode": "payment", "success_url": "https://shop.example", "line_items": lines}
    before = shop.v1.checkout.sessions.create(form)
    shop.v1.tax_rates.update(rate, {"active": False})

    refused = refused_param(shop.v1.checkout.sessions.create, **form)

    assert refused == "line_items[0][tax_rates][0]"
    assert before.amount_total == 1100
