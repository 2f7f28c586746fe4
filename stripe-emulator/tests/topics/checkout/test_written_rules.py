"""What Stripe's specification says in words about Checkout Sessions and payment links, and in no type."""

from __future__ import annotations

from typing import Any, cast

import pytest
import stripe

from ..shop import Shop, envelope

DATA = {"currency": "usd", "unit_amount": 500, "product_data": {"name": "Pen"}}


def refused_param(call: Any, *args: Any, **form: Any) -> str:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        call(*args, cast(Any, form))
    assert refused.value.http_status == 400
    return str(envelope(refused.value)["param"])


def line(quantity: int = 1, **adjustable: Any) -> dict[str, Any]:
    return {"price_data": DATA, "quantity": quantity, "adjustable_quantity": {"enabled": True, **adjustable}}


def page(shop: Shop, **form: Any) -> str:
    return refused_param(
        shop.v1.checkout.sessions.create,
        **{"mode": "payment", "success_url": "https://shop.example", "line_items": [line()], **form},
    )


def test_a_quantity_is_one_that_its_customer_could_choose(shop: Shop) -> None:
    session = shop.checkout(line_items=[line(3, minimum=2, maximum=4)])
    kept = shop.v1.checkout.sessions.line_items.list(session.id).data[0].id
    changed: Any = {"line_items": [{"id": kept, "quantity": 9}]}

    assert page(shop, line_items=[line(1, minimum=2, maximum=4)]) == "line_items[0][quantity]"
    assert page(shop, line_items=[line(5, minimum=2, maximum=4)]) == "line_items[0][quantity]"
    crossed = page(shop, line_items=[line(3, minimum=4, maximum=2)])
    assert crossed == "line_items[0][adjustable_quantity][maximum]"
    assert refused_param(shop.v1.checkout.sessions.update, session.id, **changed) == "line_items[0][quantity]"
    assert shop.v1.checkout.sessions.retrieve(session.id).amount_total == 1500


def test_a_page_takes_what_is_of_its_mode_and_of_its_own_kind(shop: Shop) -> None:
    plan, customer = shop.price(), shop.customer()
    many = [{"price_data": DATA, "quantity": 1}] * 21 + [{"price": plan, "quantity": 1}]
    saves: Any = {"mode": "setup", "currency": "usd", "success_url": "https://shop.example"}
    typed = {"shipping_details": {"name": "Jo", "address": {"country": "US", "line1": "1 Road"}}}
    hosted = shop.checkout().id

    assert page(shop, payment_method_collection="if_required") == "payment_method_collection"
    assert page(shop, customer=customer, customer_creation="always") == "customer_creation"
    assert page(shop, permissions={"update_shipping_details": "server_only"}) == "permissions"
    assert page(shop, mode="subscription", line_items=many) == "line_items"
    assert refused_param(shop.v1.checkout.sessions.create, **saves, submit_type="pay") == "submit_type"
    update = shop.v1.checkout.sessions.update
    assert refused_param(update, hosted, collected_information=typed) == "collected_information"


def test_a_product_that_is_put_away_is_sold_on_no_page(shop: Shop) -> None:
    price = shop.price(recurring=None)
    link = shop.v1.payment_links.create({"line_items": [{"price": price, "quantity": 1}]})
    shop.v1.products.update(str(shop.v1.prices.retrieve(price).product), {"active": False})
    lines = [{"price": price, "quantity": 1}]

    assert page(shop, line_items=lines) == "line_items[0][price]"
    assert refused_param(shop.v1.payment_links.create, line_items=lines) == "line_items[0][price]"
    assert not shop.v1.payment_links.retrieve(link.id).active


def test_a_link_takes_what_is_of_the_mode_of_its_lines(shop: Shop) -> None:
    once = [{"price": shop.price(recurring=None), "quantity": 1}]
    monthly: Any = [{"price": shop.price(), "quantity": 1}]
    create = shop.v1.payment_links.create
    link = create({"line_items": monthly, "subscription_data": {"trial_period_days": 5}})
    data = {"description": "Pens"}

    trial = refused_param(create, line_items=once, subscription_data={"trial_period_days": 5})
    collection = refused_param(create, line_items=once, payment_method_collection="if_required")
    intent = refused_param(create, line_items=monthly, payment_intent_data=data)
    changed = refused_param(shop.v1.payment_links.update, link.id, payment_intent_data=data)

    assert (trial, collection) == ("subscription_data", "payment_method_collection")
    assert (intent, changed) == ("payment_intent_data", "payment_intent_data")
