"""A subscription's life: started, renewed, failed, mended, ended."""

from __future__ import annotations

from typing import Any, cast

import pytest
import stripe

from ..shop import Shop, day

START = [
    "invoice.created",
    "customer.subscription.created",
    "invoice.finalized",
    "payment_intent.created",
    "charge.succeeded",
    "payment_intent.succeeded",
    "invoice.paid",
    "invoice.payment_succeeded",
    "customer.subscription.updated",
]


def period(subscription: stripe.Subscription) -> tuple[str, str]:
    item = subscription["items"].data[0]
    return day(item.current_period_start), day(item.current_period_end)


def test_a_subscription_is_paid_at_once_and_active(shop: Shop) -> None:
    customer, price = shop.customer(), shop.price()
    before = len(shop.events())

    subscription = shop.subscribe(customer, price)

    invoice = shop.latest(customer)
    assert shop.events_since(before) == START
    assert subscription.status == "active"
    assert period(subscription) == ("2026-01-31", "2026-02-28")
    assert (invoice.status, invoice.amount_paid, invoice.billing_reason) == (
        "paid",
        1000,
        "subscription_create",
    )
    assert invoice.lines.data[0].description == "1 × Gold (at $10.00 / month)"
    assert invoice.parent is not None
    assert invoice.parent.subscription_details is not None
    assert invoice.parent.subscription_details.subscription == subscription.id


def test_a_renewal_is_drafted_at_the_boundary_and_paid_an_hour_later(shop: Shop) -> None:
    customer = shop.customer()
    subscription = shop.subscribe(customer, shop.price())
    shop.advance(days=27)
    before = len(shop.events())

    shop.advance(days=1)
    draft = shop.latest(customer)
    renewed = shop.subscription(subscription.id)
    shop.advance(hours=1, minutes=1)

    assert (draft.status, draft.billing_reason) == ("draft", "subscription_cycle")
    assert (day(draft.period_start), day(draft.period_end)) == ("2026-01-31", "2026-02-28")
    assert period(renewed) == ("2026-02-28", "2026-03-31")
    assert shop.latest(customer).status == "paid"
    assert shop.events_since(before) == [
        "invoice.created",
        "customer.subscription.updated",
        "invoice.finalized",
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice.paid",
        "invoice.payment_succeeded",
        "charge.updated",
        "invoice_payment.paid",
    ]


def test_the_upcoming_invoice_is_announced_a_week_before(shop: Shop) -> None:
    customer = shop.customer()
    shop.subscribe(customer, shop.price())

    shop.advance(days=20, hours=23)
    assert "invoice.upcoming" not in shop.events()
    shop.advance(hours=2)
    event = shop.v1.events.list({"type": "invoice.upcoming"}).data[0]

    assert event.data.object["amount_due"] == 1000
    assert event.data.object["billing_reason"] == "upcoming"
    assert len(shop.invoices(customer)) == 1


def test_a_failed_renewal_is_tried_again_until_the_card_is_replaced(shop: Shop) -> None:
    customer = shop.customer()
    subscription = shop.subscribe(customer, shop.price())
    shop.give_card(customer, "pm_card_chargeCustomerFail")
    shop.advance(days=28)
    before = len(shop.events())

    shop.advance(hours=2)
    failed = shop.latest(customer)

    assert shop.events_since(before) == [
        "invoice.finalized",
        "payment_intent.created",
        "charge.failed",
        "payment_intent.payment_failed",
        "invoice.payment_failed",
        "invoice.updated",
        "customer.updated",
        "customer.subscription.updated",
    ]
    assert shop.subscription(subscription.id).status == "past_due"
    assert shop.v1.customers.retrieve(customer).delinquent is True
    assert (failed.status, failed.attempt_count) == ("open", 1)
    assert day(failed.next_payment_attempt or 0) == "2026-03-03"

    shop.give_card(customer)
    shop.advance(days=3)

    assert shop.latest(customer).status == "paid"
    assert shop.subscription(subscription.id).status == "active"
    assert shop.v1.customers.retrieve(customer).delinquent is False


def test_after_the_last_retry_the_subscription_is_canceled(shop: Shop) -> None:
    customer = shop.customer()
    subscription = shop.subscribe(customer, shop.price())
    shop.give_card(customer, "pm_card_chargeCustomerFail")

    shop.advance(days=44)

    ended = shop.subscription(subscription.id)
    assert ended.status == "canceled"
    assert ended.cancellation_details is not None
    assert ended.cancellation_details.reason == "payment_failed"
    assert shop.latest(customer).attempt_count == 4
    assert shop.latest(customer).next_payment_attempt is None
    assert shop.events().count("customer.subscription.deleted") == 1


def test_the_end_of_retries_can_be_unpaid_instead(shop: Shop) -> None:
    shop.emulator.dunning(retry_days=[1, 2], end="unpaid")
    customer = shop.customer()
    subscription = shop.subscribe(customer, shop.price())
    shop.give_card(customer, "pm_card_chargeCustomerFail")

    shop.advance(days=32)
    unpaid = shop.subscription(subscription.id)
    shop.advance(days=31)

    assert unpaid.status == "unpaid"
    assert shop.latest(customer).status == "draft"
    assert shop.latest(customer).auto_advance is False

    shop.give_card(customer)
    for invoice in shop.invoices(customer)[1:]:
        shop.v1.invoices.pay(invoice.id)
    assert shop.subscription(subscription.id).status == "active"


def test_a_renewal_whose_bank_asks_waits_for_the_customer(shop: Shop) -> None:
    customer = shop.customer()
    subscription = shop.subscribe(customer, shop.price())
    shop.give_card(customer, "pm_card_threeDSecure2Required")

    shop.advance(days=28, hours=2)

    invoice = shop.latest(customer)
    [payment] = shop.v1.invoice_payments.list({"invoice": invoice.id}).data
    intent = shop.v1.payment_intents.retrieve(str(payment.payment.payment_intent))
    assert {"payment_intent.requires_action", "invoice.payment_action_required"} <= set(shop.events())
    assert (invoice.status, intent.status) == ("open", "requires_action")
    assert shop.subscription(subscription.id).status == "past_due"

    shop.pass_challenge(intent)

    assert shop.latest(customer).status == "paid"
    assert shop.subscription(subscription.id).status == "active"


def test_a_trial_without_card_ends_as_its_settings_say(shop: Shop) -> None:
    price = shop.price()
    ends = ("create_invoice", "cancel", "pause")
    started = [
        shop.subscribe(
            shop.customer(None),
            price,
            trial_period_days=7,
            trial_settings={"end_behavior": {"missing_payment_method": end}},
        )
        for end in ends
    ]

    shop.advance(days=7, hours=2)

    assert [subscription.status for subscription in started] == ["trialing"] * 3
    assert [shop.subscription(subscription.id).status for subscription in started] == [
        "past_due",
        "canceled",
        "paused",
    ]


def test_a_trial_with_a_card_is_free_and_then_paid(shop: Shop) -> None:
    customer, price = shop.customer(), shop.price()
    before = len(shop.events())
    subscription = shop.subscribe(customer, price, trial_period_days=7)

    assert shop.events_since(before) == [
        "customer.subscription.created",
        "invoice.created",
        "invoice.finalized",
        "invoice.paid",
        "invoice.payment_succeeded",
    ]
    assert (shop.latest(customer).total, shop.latest(customer).status) == (0, "paid")
    assert shop.latest(customer).lines.data[0].description == "Free trial for 1 × Gold"

    shop.advance(days=5)
    assert shop.events()[-1] == "customer.subscription.trial_will_end"
    shop.advance(days=2, hours=2)

    assert shop.subscription(subscription.id).status == "active"
    assert period(shop.subscription(subscription.id)) == ("2026-02-07", "2026-03-07")
    assert shop.latest(customer).amount_paid == 1000


def test_without_a_card_nothing_is_started(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="no attached payment source") as refused:
        shop.subscribe(shop.customer(None), shop.price())

    assert refused.value.code == "resource_missing"
    assert shop.v1.subscriptions.list({"status": "all"}).data == []


def test_an_incomplete_subscription_becomes_active_when_the_browser_pays(shop: Shop) -> None:
    customer = shop.customer(None)
    subscription = shop.subscribe(
        customer,
        shop.price(),
        payment_behavior="default_incomplete",
        expand=["latest_invoice.confirmation_secret", "latest_invoice.payments"],
    )
    invoice = subscription.latest_invoice
    assert isinstance(invoice, stripe.Invoice)
    assert invoice.confirmation_secret is not None
    assert invoice.payments is not None
    intent = str(invoice.payments.data[0].payment.payment_intent)
    assert subscription.status == "incomplete"
    assert invoice.confirmation_secret.client_secret.startswith(intent)

    shop.v1.payment_intents.confirm(intent, {"payment_method": "pm_card_visa"})

    assert shop.subscription(subscription.id).status == "active"
    assert shop.latest(customer).status == "paid"


def test_an_incomplete_subscription_expires_after_23_hours(shop: Shop) -> None:
    customer = shop.customer("pm_card_chargeCustomerFail")
    subscription = shop.subscribe(customer, shop.price())
    assert subscription.status == "incomplete"

    shop.advance(hours=22)
    assert shop.subscription(subscription.id).status == "incomplete"
    shop.advance(hours=2)

    assert shop.subscription(subscription.id).status == "incomplete_expired"
    assert shop.latest(customer).status == "void"


def test_error_if_incomplete_keeps_nothing_of_a_declined_start(shop: Shop) -> None:
    customer = shop.customer("pm_card_chargeCustomerFail")

    with pytest.raises(stripe.CardError) as declined:
        shop.subscribe(customer, shop.price(), payment_behavior="error_if_incomplete")

    assert declined.value.code == "card_declined"
    assert shop.invoices(customer) == []
    assert shop.v1.subscriptions.list({"customer": customer, "status": "all"}).data == []


def test_a_subscription_can_be_ended_at_its_period_s_end_or_kept_after_all(shop: Shop) -> None:
    price = shop.price()
    leaving, staying = (shop.subscribe(shop.customer(), price) for _ in range(2))
    for subscription in (leaving, staying):
        shop.update(subscription.id, cancel_at_period_end=True)
    kept = shop.update(staying.id, cancel_at_period_end=False)
    ending = shop.subscription(leaving.id)

    shop.advance(days=28, hours=2)

    assert (kept.cancel_at, kept.canceled_at, kept.cancel_at_period_end) == (None, None, False)
    assert ending.cancel_at == ending["items"].data[0].current_period_end
    assert shop.subscription(leaving.id).status == "canceled"
    assert shop.subscription(staying.id).status == "active"
    assert len(shop.invoices(str(leaving.customer))) == 1
    assert len(shop.invoices(str(staying.customer))) == 2


def test_a_canceled_subscription_is_over_and_listed_only_when_asked_for(shop: Shop) -> None:
    customer = shop.customer()
    subscription = shop.subscribe(customer, shop.price())

    ended = shop.v1.subscriptions.cancel(subscription.id, {"cancellation_details": {"feedback": "unused"}})
    shop.advance(days=40)

    assert ended.status == "canceled"
    assert ended.cancellation_details is not None
    assert (ended.cancellation_details.feedback, ended.cancellation_details.reason) == (
        "unused",
        "cancellation_requested",
    )
    assert len(shop.invoices(customer)) == 1
    assert shop.v1.subscriptions.list({"customer": customer}).data == []
    assert len(shop.v1.subscriptions.list({"customer": customer, "status": "all"}).data) == 1
    with pytest.raises(stripe.InvalidRequestError, match="No such subscription"):
        shop.v1.subscriptions.cancel(subscription.id)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"items": []}, "Missing required param: items"),
        ({"items": [{"price": "price_nowhere"}]}, "No such price"),
        ({"trial_end": 1000}, "in the future"),
        ({"trial_period_days": 731}, "maximum number of trial period days"),
        ({"collection_method": "send_invoice"}, "days_until_due"),
        ({"default_payment_method": "pm_nowhere"}, "No such PaymentMethod"),
    ],
)
def test_a_wrong_start_is_refused_by_name(shop: Shop, wrong: dict[str, object], message: str) -> None:
    with pytest.raises(stripe.InvalidRequestError, match=message):
        shop.subscribe(shop.customer(), shop.price(), **wrong)


def test_a_price_that_is_paid_once_is_no_subscription(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="type=one_time"):
        shop.subscribe(shop.customer(), shop.price(recurring=None))


def test_an_invoice_can_be_sent_instead_and_is_paid_when_it_is_paid(shop: Shop) -> None:
    customer = shop.customer(None)
    subscription = shop.subscribe(customer, shop.price(), collection_method="send_invoice", days_until_due=14)

    shop.advance(hours=2)
    invoice = shop.latest(customer)
    shop.v1.invoices.pay(invoice.id, {"paid_out_of_band": True})

    assert subscription.status == "active"
    assert (invoice.status, day(invoice.due_date or 0)) == ("open", "2026-02-14")
    assert "invoice.sent" in shop.events()
    assert shop.latest(customer).status == "paid"


@pytest.mark.parametrize(
    "wrong",
    [{"end": "explode"}, {"retry_days": [0]}, {"retry_days": 3}, {"retries": [3]}, {"retry_days": ["3"]}],
)
def test_dunning_takes_days_and_an_end_only(shop: Shop, wrong: dict[str, object]) -> None:
    refused = shop.emulator.browser().post("/_emulator/dunning", json=wrong)

    assert refused.status_code == 400
    assert refused.get_json()["error"]["param"] in ("end", "retry_days", "retries")


def test_a_trial_without_a_card_waits_for_one_and_is_then_paid(shop: Shop) -> None:
    customer = shop.customer(None)
    subscription = shop.subscribe(customer, shop.price(), trial_period_days=7)
    intent = str(subscription.pending_setup_intent)

    shop.v1.setup_intents.confirm(
        intent, {"payment_method": "pm_card_visa", "return_url": "https://shop.example"}
    )
    shop.advance(days=7, hours=2)

    paid = shop.subscription(subscription.id)
    assert (paid.status, paid.pending_setup_intent) == ("active", None)
    assert shop.latest(customer).amount_paid == 1000


def test_subscriptions_are_found_by_customer_price_and_status(shop: Shop) -> None:
    gold, silver = shop.price(), shop.price(500)
    first, second = shop.customer(), shop.customer()
    made = [
        shop.subscribe(first, gold).id,
        shop.subscribe(second, gold).id,
        shop.subscribe(second, silver).id,
    ]
    shop.v1.subscriptions.cancel(made[1])

    def ids(**form: str) -> list[str]:
        return [subscription.id for subscription in shop.v1.subscriptions.list(cast(Any, form)).data]

    assert ids() == [made[2], made[0]]
    assert ids(price=gold) == [made[0]]
    assert ids(price=gold, status="all") == [made[1], made[0]]
    assert ids(customer=second, status="canceled") == [made[1]]
    assert ids(status="ended") == [made[1]]
