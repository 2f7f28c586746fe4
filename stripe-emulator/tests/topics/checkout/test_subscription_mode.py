"""A subscription started on the hosted Checkout page."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import pytest
import stripe

from ..shop import Shop


@pytest.fixture
def shop(dated_shop: Shop) -> Shop:
    return dated_shop


def open_session(shop: Shop, **more: Any) -> stripe.checkout.Session:
    form = {
        "mode": "subscription",
        "line_items": [{"price": shop.price(), "quantity": 1}],
        "success_url": "https://example.com/{CHECKOUT_SESSION_ID}",
        **more,
    }
    return shop.v1.checkout.sessions.create(cast(Any, form))


def retrieve(shop: Shop, session: stripe.checkout.Session) -> Any:
    return shop.v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription", "invoice"]})


def test_paying_starts_the_subscription_with_the_card(shop: Shop) -> None:
    session = open_session(shop, subscription_data={"metadata": {"plan": "gold"}})
    before = len(shop.events())

    shop.emulator.pay(session)

    done = retrieve(shop, session)
    assert shop.events_since(before) == [
        "customer.created",
        "invoice.created",
        "customer.subscription.created",
        "invoice.finalized",
        "payment_intent.created",
        "payment_method.attached",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice.paid",
        "invoice.payment_succeeded",
        "customer.subscription.updated",
        "checkout.session.completed",
    ]
    assert (done.status, done.payment_status, done.amount_total) == ("complete", "paid", 1000)
    assert (done.subscription.status, done.invoice.status) == ("active", "paid")
    assert done.subscription.default_payment_method is not None
    assert done.subscription.metadata["plan"] == "gold"


def test_a_trial_saves_the_card_and_takes_no_money_until_its_end(shop: Shop) -> None:
    session = open_session(shop, subscription_data={"trial_period_days": 14})
    before = len(shop.events())

    shop.emulator.pay(session)

    done = retrieve(shop, session)
    assert shop.events_since(before) == [
        "customer.created",
        "setup_intent.created",
        "payment_method.attached",
        "setup_intent.succeeded",
        "customer.subscription.created",
        "invoice.created",
        "invoice.finalized",
        "invoice.paid",
        "invoice.payment_succeeded",
        "checkout.session.completed",
    ]
    assert (done.payment_status, done.amount_total) == ("no_payment_required", 0)
    assert done.subscription.status == "trialing"

    shop.advance(days=14, hours=2)
    assert shop.subscription(done.subscription.id).status == "active"


def test_the_page_says_what_a_trial_leads_to_and_when(shop: Shop) -> None:
    visitor = shop.emulator.app.test_client()
    trial, until, untried = (
        open_session(shop, subscription_data={"trial_period_days": 14}),
        open_session(
            shop, subscription_data={"trial_end": int(datetime(2026, 3, 1, tzinfo=UTC).timestamp())}
        ),
        open_session(shop),
    )

    for_days, until_march, at_once = (
        visitor.get(f"/pay/{session.id}").text.replace("\u00a0", " ") for session in (trial, until, untried)
    )

    assert "Then $10.00 per month, first on 14 February 2026." in for_days
    assert "Then $10.00 per month, first on 1 March 2026." in until_march
    assert '<strong>$10.00 <span class="per">per month</span></strong>' in at_once


def test_a_declined_card_leaves_the_session_open_for_another(shop: Shop) -> None:
    session = open_session(shop)

    shop.emulator.decline(session)
    declined = retrieve(shop, session)
    shop.emulator.pay(session)

    assert (declined.status, declined.subscription) == ("open", None)
    assert retrieve(shop, session).subscription.status == "active"
    assert len(shop.v1.subscriptions.list({"status": "all"}).data) == 1


def test_the_bank_s_page_comes_in_between(shop: Shop) -> None:
    session = open_session(shop)

    shop.emulator.pay(session, card="4000 0027 6000 3184")

    assert retrieve(shop, session).subscription.status == "active"
    assert "payment_intent.requires_action" in shop.events()
    assert "invoice.payment_failed" not in shop.events()


def test_something_paid_once_goes_on_the_first_invoice(shop: Shop) -> None:
    lines = [
        {"price": shop.price(), "quantity": 2},
        {"price": shop.price(500, recurring=None), "quantity": 1},
    ]
    session = open_session(shop, line_items=lines)

    shop.emulator.pay(session)
    shop.advance(days=29)

    customer = str(retrieve(shop, session).customer)
    assert [invoice.total for invoice in shop.invoices(customer)] == [2500, 2000]


def test_a_session_without_anything_recurring_is_refused(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="at least one recurring price"):
        open_session(shop, line_items=[{"price": shop.price(recurring=None), "quantity": 1}])


def test_a_price_described_in_the_call_is_bought_by_every_door(shop: Shop) -> None:
    """It is not for sale again, and neither is one that is archived while a page with it is open."""
    product = shop.v1.products.create({"name": "Plan"})
    data: Any = {
        "currency": "usd",
        "unit_amount": 900,
        "recurring": {"interval": "month"},
        "product": product.id,
    }
    line: Any = {"price_data": data, "quantity": 1}
    customer = shop.customer("pm_card_visa")
    archived = shop.price()
    link = shop.v1.payment_links.create({"line_items": [line]})
    pages = [
        open_session(shop, line_items=[line]),
        open_session(shop, line_items=[{"price": archived, "quantity": 1}]),
    ]
    quote = shop.v1.quotes.create({"customer": customer, "line_items": [line]})
    shop.v1.quotes.finalize_quote(quote.id)

    shop.v1.prices.update(archived, {"active": False})
    for page in pages:
        shop.emulator.pay(page)
    phases: Any = [{"items": [line]}]
    schedule = shop.v1.subscription_schedules.create(
        {"customer": customer, "start_date": "now", "phases": phases}
    )
    accepted = shop.v1.quotes.accept(quote.id)

    assert [retrieve(shop, page).subscription.status for page in pages] == ["active", "active"]
    assert shop.subscription(str(accepted.subscription))["items"].data[0].price.unit_amount == 900
    assert shop.subscription(str(schedule.subscription))["items"].data[0].price.unit_amount == 900
    assert link.active
    with pytest.raises(stripe.InvalidRequestError, match="only accepts active prices"):
        shop.v1.subscriptions.create({"customer": customer, "items": [{"price": archived}]})


def test_a_customer_who_is_billed_in_another_currency_gets_no_page(shop: Shop) -> None:
    customer = shop.customer()
    shop.subscribe(customer, shop.price())
    euros = {"price": shop.price(currency="eur"), "quantity": 1}

    with pytest.raises(stripe.InvalidRequestError, match="cannot combine currencies"):
        open_session(shop, customer=customer, line_items=[euros])


def test_classic_billing_has_no_page_for_two_intervals(shop: Shop) -> None:
    lines = [
        {"price": shop.price(recurring={"interval": every}), "quantity": 1} for every in ("month", "year")
    ]

    with pytest.raises(stripe.InvalidRequestError, match="must have the same") as refused:
        open_session(shop, line_items=lines, subscription_data={"billing_mode": {"type": "classic"}})
    open_session(shop, line_items=lines)

    assert refused.value.param == "line_items"
