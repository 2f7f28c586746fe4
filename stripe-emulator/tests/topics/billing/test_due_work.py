"""What falls due when its time comes, also where the customer is gone or a job can't be done."""

from __future__ import annotations

from typing import Any, cast

import pytest
import stripe

from stripe_emulator.core.database import store
from stripe_emulator.core.time import due_work

from ..shop import Shop


def sell_by_debit(shop: Shop) -> stripe.checkout.Session:
    """A session paid by a bank debit that takes three minutes, with an invoice to be made of it."""
    session = shop.checkout(
        invoice_creation={"enabled": True},
        line_items=[
            {
                "quantity": 1,
                "price_data": {"currency": "eur", "unit_amount": 900, "product_data": {"name": "Ten"}},
            }
        ],
    )
    shop.emulator.pay(session, iban="DE08370400440532013003")
    return shop.v1.checkout.sessions.retrieve(session.id)


def test_a_debit_comes_in_for_a_customer_who_is_gone(shop: Shop) -> None:
    session = sell_by_debit(shop)
    shop.v1.customers.delete(str(session.customer))

    shop.advance(minutes=5)

    paid = shop.v1.checkout.sessions.retrieve(session.id)
    assert (paid.payment_status, paid.invoice) == ("paid", None)
    assert "checkout.session.async_payment_succeeded" in shop.events()


@pytest.mark.due_work_fails
def test_a_job_that_fails_does_so_alone_and_is_shown(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    subscription = shop.subscribe(shop.customer(), shop.price())

    def explode(charge_id: str) -> None:
        raise RuntimeError("no such luck")

    monkeypatch.setitem(due_work.HANDLERS, "charge.updated", explode)
    shop.advance(days=33)

    assert len(shop.invoices(str(subscription.customer))) == 2
    failed = shop.emulator.state()["due"]["failed"]
    assert [work["what"] for work in failed] == ["charge.updated"] * 2
    assert failed[0]["error"] == "RuntimeError: no such luck"
    page = shop.emulator.browser().get("/clock").get_data(as_text=True)
    assert "Could not happen" in page
    assert failed[0]["object"][:24] in page


@pytest.mark.due_work_fails
def test_what_a_failed_job_did_is_undone(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    intent = shop.charge()

    def half_done(charge_id: str) -> None:
        charge = store.get("charge", charge_id)
        charge["description"] = "half done"
        store.save(charge)
        raise RuntimeError

    monkeypatch.setitem(due_work.HANDLERS, "charge.updated", half_done)
    shop.advance(minutes=1)

    assert shop.v1.charges.retrieve(str(intent.latest_charge)).description is None


@pytest.mark.due_work_fails
def test_a_test_clock_goes_on_after_a_job_that_fails(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    start = shop.emulator.now()
    test_clock = shop.v1.test_helpers.test_clocks.create({"frozen_time": start})
    customer = shop.customer(test_clock=test_clock.id)
    shop.subscribe(customer, shop.price())

    def explode(charge_id: str) -> None:
        raise RuntimeError("no such luck")

    monkeypatch.setitem(due_work.HANDLERS, "charge.updated", explode)
    shop.v1.test_helpers.test_clocks.advance(test_clock.id, {"frozen_time": start + 33 * 86400})

    advanced = shop.v1.test_helpers.test_clocks.retrieve(test_clock.id)
    assert (advanced.status, advanced.frozen_time) == ("ready", start + 33 * 86400)
    assert [invoice.status for invoice in shop.invoices(customer)] == ["paid", "paid"]


def test_an_invoice_that_was_sent_and_not_paid_makes_its_subscription_past_due(shop: Shop) -> None:
    customer = shop.customer(card=None)
    subscription = shop.subscribe(customer, shop.price(), collection_method="send_invoice", days_until_due=10)

    shop.advance(days=9)
    in_time = shop.subscription(subscription.id).status
    shop.advance(days=3)
    late = shop.subscription(subscription.id).status
    shop.advance(days=61)

    assert (in_time, late) == ("active", "past_due")
    assert shop.subscription(subscription.id).status == "canceled"
    assert shop.v1.customers.retrieve(customer).delinquent is True


def test_paying_what_was_overdue_makes_the_subscription_active_again(shop: Shop) -> None:
    customer = shop.customer(card=None)
    subscription = shop.subscribe(customer, shop.price(), collection_method="send_invoice", days_until_due=5)
    shop.advance(days=8)

    shop.v1.invoices.pay(shop.latest(customer).id, {"paid_out_of_band": True})
    shop.advance(days=10)

    assert shop.subscription(subscription.id).status == "active"


def test_an_items_own_tax_rates_count_on_a_draft(shop: Shop) -> None:
    customer = shop.customer()
    tax = shop.v1.tax_rates.create({"display_name": "VAT", "percentage": 20, "inclusive": False})
    draft = shop.v1.invoices.create({"customer": customer})
    form: Any = {"customer": customer, "invoice": draft.id, "amount": 1000, "tax_rates": [tax.id]}
    item = shop.v1.invoice_items.create(form)

    taxed = shop.v1.invoices.retrieve(draft.id)
    shop.v1.invoice_items.update(item.id, cast(Any, {"tax_rates": ""}))
    untaxed = shop.v1.invoices.retrieve(draft.id)

    assert (taxed.total, untaxed.total) == (1200, 1000)


def schedule(shop: Shop, customer: str, *, months: int) -> stripe.SubscriptionSchedule:
    """A subscription by a schedule of one phase."""
    duration = {"interval": "month", "interval_count": months}
    form: Any = {
        "customer": customer,
        "start_date": "now",
        "end_behavior": "release",
        "phases": [{"items": [{"price": shop.price()}], "duration": duration}],
    }
    return shop.v1.subscription_schedules.create(form)


def test_a_schedule_says_that_it_expires_a_week_before(shop: Shop) -> None:
    schedule(shop, shop.customer(), months=1)

    shop.advance(days=20)
    before = "subscription_schedule.expiring" in shop.events()
    shop.advance(days=3)

    assert not before
    assert shop.events().count("subscription_schedule.expiring") == 1


def test_a_schedule_is_aborted_with_a_subscription_that_nobody_pays(shop: Shop) -> None:
    customer = shop.customer()
    subscription = str(schedule(shop, customer, months=6).subscription)
    shop.give_card(customer, "pm_card_chargeCustomerFail")
    shop.emulator.dunning(retry_days=[1], end="cancel")

    shop.advance(days=40)

    assert shop.subscription(subscription).status == "canceled"
    assert "subscription_schedule.aborted" in shop.events()
    assert "subscription_schedule.canceled" not in shop.events()
