"""An invoice is of one customer, and has what is theirs and what is for sale."""

from __future__ import annotations

from typing import Any, cast

import pytest
import stripe

from ..shop import Shop, envelope


def refused(call: Any, *args: Any, **form: Any) -> dict[str, Any]:
    with pytest.raises(stripe.InvalidRequestError) as error:
        call(*args, cast(Any, form))
    assert error.value.http_status == 400
    return envelope(error.value)


def test_an_invoice_takes_nothing_of_another_customer(shop: Shop) -> None:
    jo, sam = shop.customer(), shop.customer()
    theirs = shop.subscribe(jo, shop.price()).id
    draft = shop.v1.invoices.create({"customer": jo}).id
    item = {"customer": sam, "amount": 500, "currency": "usd"}

    on_it = refused(shop.v1.invoice_items.create, **item, invoice=draft)
    with_plan = refused(shop.v1.invoice_items.create, **item, subscription=theirs)
    of_plan = refused(shop.v1.invoices.create, customer=sam, subscription=theirs)

    assert [each["param"] for each in (on_it, with_plan, of_plan)] == [
        "invoice",
        "subscription",
        "subscription",
    ]
    assert shop.v1.invoices.retrieve(draft).total == 0


def test_nobody_pays_with_the_card_of_another(shop: Shop) -> None:
    jo, sam = shop.customer(card=None), shop.customer(card=None)
    card = shop.give_card(sam)
    invoice = shop.v1.invoices.create({"customer": jo}).id
    shop.v1.invoice_items.create({"customer": jo, "amount": 500, "currency": "usd", "invoice": invoice})
    shop.v1.invoices.finalize_invoice(invoice)
    of_sam = shop.charge(card, amount=500, customer=sam).id

    paid = refused(shop.v1.invoices.pay, invoice, payment_method=card)
    attached = refused(shop.v1.invoices.attach_payment, invoice, payment_intent=of_sam)

    assert (paid["param"], attached["param"]) == ("payment_method", "payment_intent")
    assert shop.v1.invoices.retrieve(invoice).status == "open"


def test_a_plan_whose_product_is_archived_is_for_nobody_new(shop: Shop) -> None:
    customer, plan, other = shop.customer(), shop.price(), shop.price(2000, "Platinum")
    subscription = shop.subscribe(customer, other)
    product = str(shop.v1.prices.retrieve(plan).product)
    shop.v1.products.update(product, {"active": False})
    phase = {"items": [{"price": plan}], "duration": {"interval": "month"}}
    only: Any = subscription["items"].data[0].id

    answers = [
        refused(shop.v1.subscriptions.create, customer=customer, items=[{"price": plan}]),
        refused(shop.v1.subscriptions.update, subscription.id, items=[{"id": only, "price": plan}]),
        refused(shop.v1.subscription_items.create, subscription=subscription.id, price=plan),
        refused(shop.v1.subscription_schedules.create, customer=customer, start_date="now", phases=[phase]),
        refused(
            shop.v1.invoices.create_preview,
            customer=customer,
            subscription_details={"items": [{"price": plan}]},
        ),
    ]

    words = f"The product {product} is marked as inactive, and thus no new subscriptions can be created"
    assert all(answer["message"].startswith(words) for answer in answers)
    assert [answer["param"].rpartition("[")[2].rstrip("]") for answer in answers] == ["price"] * 5


def test_who_has_a_plan_keeps_it_though_it_is_archived_with_its_product(shop: Shop) -> None:
    customer, plan = shop.customer(), shop.price()
    subscription = shop.subscribe(customer, plan)
    schedule = shop.v1.subscription_schedules.create({"from_subscription": subscription.id})
    shop.v1.prices.update(plan, {"active": False})
    shop.v1.products.update(str(shop.v1.prices.retrieve(plan).product), {"active": False})
    item = subscription["items"].data[0].id
    running = schedule.phases[0]
    phases: Any = [
        {
            "items": [{"price": plan, "quantity": 2}],
            "start_date": running.start_date,
            "end_date": running.end_date,
        }
    ]

    changed = shop.v1.subscription_schedules.update(schedule.id, {"phases": phases})
    shop.v1.subscription_schedules.release(schedule.id)
    shop.v1.subscriptions.update(subscription.id, {"items": [{"id": item, "price": plan, "quantity": 3}]})
    shop.advance(days=32)

    assert changed.phases[0].items[0].quantity == 2
    assert shop.latest(customer).lines.data[-1].amount == 3 * 1000


@pytest.mark.parametrize("kind", ["archived", "recurring"])
def test_an_invoice_has_prices_that_are_for_sale_and_paid_once(shop: Shop, kind: str) -> None:
    customer, plan = shop.customer(), shop.price()
    price = shop.price(name="Setup", recurring=None) if kind == "archived" else plan
    if kind == "archived":
        shop.v1.prices.update(price, {"active": False})
    draft = shop.v1.invoices.create({"customer": customer}).id
    once: Any = [{"price": price}]
    subscription = shop.subscribe(customer, plan).id
    phase = {"items": [{"price": plan}], "duration": {"interval": "month"}, "add_invoice_items": once}

    answers = [
        refused(shop.v1.invoice_items.create, customer=customer, pricing={"price": price}),
        refused(shop.v1.invoices.add_lines, draft, lines=[{"pricing": {"price": price}}]),
        refused(
            shop.v1.subscriptions.create, customer=customer, items=[{"price": plan}], add_invoice_items=once
        ),
        refused(shop.v1.subscriptions.update, subscription, add_invoice_items=once),
        refused(shop.v1.subscription_schedules.create, customer=customer, start_date="now", phases=[phase]),
    ]

    wanted = "The price specified is inactive" if kind == "archived" else "only accepts prices with"
    assert all(wanted in answer["message"] for answer in answers)
    assert [answer["param"].split("[")[-1] for answer in answers] == ["price]"] * 5


def test_what_was_agreed_is_billed_though_its_price_is_archived_since(shop: Shop) -> None:
    customer, price = shop.customer(), shop.price(name="Setup", recurring=None)
    item = shop.v1.invoice_items.create({"customer": customer, "pricing": {"price": price}})
    data: Any = {"currency": "usd", "unit_amount": 700, "product": shop.v1.prices.retrieve(price).product}
    phase: Any = {
        "items": [{"price": shop.price()}],
        "duration": {"interval": "month"},
        "add_invoice_items": [{"price_data": data}],
    }
    shop.v1.prices.update(price, {"active": False})

    more = shop.v1.invoice_items.update(item.id, {"quantity": 3})
    shop.v1.invoice_items.delete(item.id)
    schedule: Any = {"customer": customer, "start_date": "now", "phases": [phase]}
    shop.v1.subscription_schedules.create(schedule)

    assert more.amount == 3000
    assert [line.amount for line in shop.v1.invoices.create_preview({"customer": customer}).lines] == [1000]
    shop.advance(hours=2)
    assert sorted(line.amount for line in shop.latest(customer).lines) == [700, 1000]
