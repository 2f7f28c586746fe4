"""Changing a subscription: prorations, previews, pending updates."""

from __future__ import annotations

from typing import Any, cast

import pytest
import stripe

from ..shop import SDK, Shop, day


def lines(invoice: stripe.Invoice) -> list[tuple[int, str | None]]:
    return [(line.amount, line.description) for line in invoice.lines.data]


@pytest.fixture
def shop() -> Shop:
    """An account on 1 July 2026, a month of 31 days."""
    return Shop.at("2026-07-01T00:00:00")


class Plans:
    """A customer on the first of three plans, halfway through July."""

    def __init__(self, shop: Shop, **more: Any) -> None:
        self.gold = shop.price(1000, "Gold")
        self.platinum = shop.price(3000, "Platinum")
        self.yearly = shop.price(10000, "Gold, a year", recurring={"interval": "year"})
        self.customer = shop.customer()
        self.subscription = shop.subscribe(self.customer, self.gold, **more)
        self.item = self.subscription["items"].data[0].id
        shop.advance(days=15, hours=12)

    def to(self, price: str, **more: Any) -> list[dict[str, Any]]:
        return [{"id": self.item, "price": price, **more}]


@pytest.fixture
def plans(shop: Shop) -> Plans:
    return Plans(shop)


def test_an_upgrade_is_charged_at_once_if_asked(shop: Shop, plans: Plans) -> None:
    before = len(shop.events())

    shop.update(plans.subscription.id, items=plans.to(plans.platinum), proration_behavior="always_invoice")

    invoice = shop.latest(plans.customer)
    assert lines(invoice) == [
        (-500, "Unused time on Gold after 16 Jul 2026"),
        (1500, "Remaining time on Platinum after 16 Jul 2026"),
    ]
    assert (invoice.status, invoice.amount_paid, invoice.billing_reason) == (
        "paid",
        1000,
        "subscription_update",
    )
    assert shop.events_since(before) == [
        "invoiceitem.created",
        "invoiceitem.created",
        "invoice.created",
        "invoice.finalized",
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice.paid",
        "invoice.payment_succeeded",
        "customer.subscription.updated",
    ]


def test_what_is_credited_is_of_the_price_that_was_charged(shop: Shop, plans: Plans) -> None:
    """Not of one that the item was given since, without a charge."""
    shop.update(plans.subscription.id, items=plans.to(plans.platinum), proration_behavior="none")

    shop.update(plans.subscription.id, items=plans.to(plans.gold), proration_behavior="always_invoice")

    credit = shop.latest(plans.customer).lines.data[0]
    assert (credit.amount, credit.description) == (-500, "Unused time on Gold after 16 Jul 2026")
    assert credit.pricing is not None
    assert credit.pricing.price_details is not None
    assert credit.pricing.price_details.price == plans.gold


def test_a_proration_line_names_what_it_credits(shop: Shop, plans: Plans) -> None:
    first = shop.latest(plans.customer)

    shop.update(plans.subscription.id, items=plans.to(plans.platinum), proration_behavior="always_invoice")

    parent = shop.latest(plans.customer).lines.data[0].parent
    assert parent is not None
    details = parent.subscription_item_details
    assert details is not None
    assert details.proration is True
    assert details.proration_details is not None
    credited = details.proration_details.credited_items
    assert credited is not None
    assert (credited.invoice, credited.invoice_line_items) == (first.id, [first.lines.data[0].id])


def test_by_default_prorations_wait_for_the_renewal(shop: Shop, plans: Plans) -> None:
    before = len(shop.events())

    shop.update(plans.subscription.id, items=plans.to(plans.platinum))
    assert shop.events_since(before) == [
        "invoiceitem.created",
        "invoiceitem.created",
        "customer.subscription.updated",
    ]
    shop.advance(days=17)

    assert lines(shop.latest(plans.customer)) == [
        (-500, "Unused time on Gold after 16 Jul 2026"),
        (1500, "Remaining time on Platinum after 16 Jul 2026"),
        (3000, "1 × Platinum (at $30.00 / month)"),
    ]


def test_without_proration_only_the_renewal_changes(shop: Shop, plans: Plans) -> None:
    shop.update(plans.subscription.id, items=plans.to(plans.platinum), proration_behavior="none")
    shop.advance(days=17)

    assert lines(shop.latest(plans.customer)) == [(3000, "1 × Platinum (at $30.00 / month)")]


def test_a_downgrade_at_once_leaves_credit_that_pays_the_next_invoice(shop: Shop) -> None:
    plans = Plans(shop)
    shop.update(plans.subscription.id, items=plans.to(plans.platinum), proration_behavior="always_invoice")

    shop.update(plans.subscription.id, items=plans.to(plans.gold), proration_behavior="always_invoice")
    credit = shop.latest(plans.customer)
    balance = shop.v1.customers.retrieve(plans.customer).balance
    shop.advance(days=17)

    renewal = shop.latest(plans.customer)
    assert (credit.total, credit.amount_due, credit.status, balance) == (-1000, 0, "paid", -1000)
    assert (renewal.total, renewal.amount_due, renewal.status) == (1000, 0, "paid")
    assert (renewal.starting_balance, renewal.ending_balance) == (-1000, 0)
    assert shop.v1.customers.retrieve(plans.customer).balance == 0
    moved = shop.v1.customers.balance_transactions.list(plans.customer).data
    assert [(transaction.type, transaction.amount) for transaction in moved] == [
        ("applied_to_invoice", 1000),
        ("applied_to_invoice", -1000),
    ]


def test_a_larger_quantity_is_prorated_as_a_whole(shop: Shop, plans: Plans) -> None:
    shop.update(
        plans.subscription.id, items=[{"id": plans.item, "quantity": 3}], proration_behavior="always_invoice"
    )

    assert lines(shop.latest(plans.customer)) == [
        (-500, "Unused time on Gold after 16 Jul 2026"),
        (1500, "Remaining time on 3 × Gold after 16 Jul 2026"),
    ]


def test_another_interval_keeps_the_anchor_where_no_trial_is_to_end(shop: Shop, plans: Plans) -> None:
    """As Stripe answered in recorded traffic."""
    changed = shop.update(
        plans.subscription.id,
        items=plans.to(plans.yearly),
        trial_end="now",
        proration_behavior="always_invoice",
    )

    item = changed["items"].data[0]
    assert lines(shop.latest(plans.customer)) == [
        (-500, "Unused time on Gold after 16 Jul 2026"),
        (9575, "Remaining time on Gold, a year after 16 Jul 2026"),
    ]
    assert (day(item.current_period_start), day(item.current_period_end)) == ("2026-07-01", "2027-07-01")
    assert day(changed.billing_cycle_anchor) == "2026-07-01"


def test_another_interval_starts_a_new_period_now(shop: Shop, plans: Plans) -> None:
    changed = shop.update(plans.subscription.id, items=plans.to(plans.yearly))

    item = changed["items"].data[0]
    assert lines(shop.latest(plans.customer)) == [
        (-500, "Unused time on Gold after 16 Jul 2026"),
        (10000, "1 × Gold, a year (at $100.00 / year)"),
    ]
    assert (day(item.current_period_start), day(item.current_period_end)) == ("2026-07-16", "2027-07-16")
    assert day(changed.billing_cycle_anchor) == "2026-07-16"


def test_the_billing_cycle_can_be_started_anew(shop: Shop, plans: Plans) -> None:
    now = {"type": "now"} if SDK >= 16 else "now"
    changed = shop.update(plans.subscription.id, billing_cycle_anchor=now, proration_behavior="none")

    assert day(changed["items"].data[0].current_period_end) == "2026-08-16"
    assert lines(shop.latest(plans.customer)) == [(1000, "1 × Gold (at $10.00 / month)")]


def test_items_are_added_and_removed(shop: Shop, plans: Plans) -> None:
    shop.update(plans.subscription.id, items=[{"price": plans.platinum}], proration_behavior="always_invoice")
    added = shop.latest(plans.customer)
    shop.update(
        plans.subscription.id,
        items=[{"id": plans.item, "deleted": True}],
        proration_behavior="always_invoice",
    )

    left = shop.subscription(plans.subscription.id)["items"].data
    assert lines(added) == [(1500, "Remaining time on Platinum after 16 Jul 2026")]
    assert lines(shop.latest(plans.customer)) == [(-500, "Unused time on Gold after 16 Jul 2026")]
    assert [item.price.id for item in left] == [plans.platinum]
    assert day(left[0].current_period_end) == "2026-08-01"
    with pytest.raises(stripe.InvalidRequestError, match="at least one active plan"):
        shop.update(plans.subscription.id, items=[{"id": left[0].id, "deleted": True}])


def test_a_credit_gives_back_what_was_paid_and_nothing_for_a_trial(shop: Shop) -> None:
    plans = Plans(shop, trial_period_days=20)

    shop.update(plans.subscription.id, items=plans.to(plans.platinum), proration_behavior="always_invoice")
    shop.advance(days=6)

    assert [invoice.total for invoice in shop.invoices(plans.customer)] == [0, 3000]


@pytest.mark.parametrize("behavior", ["create_prorations", "always_invoice", "none"])
@pytest.mark.parametrize("target", ["platinum", "yearly"])
def test_the_preview_equals_the_invoice_that_follows(
    shop: Shop, plans: Plans, behavior: str, target: str
) -> None:
    change: dict[str, Any] = {
        "items": plans.to(getattr(plans, target), quantity=2),
        "proration_behavior": behavior,
        "proration_date": shop.emulator.now(),
    }
    events = shop.events()

    form = {"subscription": plans.subscription.id, "subscription_details": change}
    preview = shop.v1.invoices.create_preview(cast(Any, form))
    assert shop.events() == events
    shop.advance(minutes=7)
    shop.update(plans.subscription.id, **change)
    if len(shop.invoices(plans.customer)) == 1:
        shop.advance(days=17)

    invoice = shop.latest(plans.customer)
    assert lines(invoice) == lines(preview)
    assert (invoice.total, invoice.amount_due) == (preview.total, preview.amount_due)
    assert preview.id.startswith("upcoming_in_")


def test_the_preview_of_a_renewal_says_when_and_how_much(shop: Shop, plans: Plans) -> None:
    preview = shop.v1.invoices.create_preview({"subscription": plans.subscription.id})
    of_customer = shop.v1.invoices.create_preview({"customer": plans.customer})

    assert (preview.amount_due, day(preview.period_end)) == (1000, "2026-08-01")
    assert of_customer.total == preview.total
    shop.update(plans.subscription.id, cancel_at_period_end=True)
    with pytest.raises(stripe.InvalidRequestError, match="No upcoming invoices") as nothing:
        shop.v1.invoices.create_preview({"subscription": plans.subscription.id})
    assert nothing.value.code == "invoice_upcoming_none"


@pytest.mark.parametrize("target", ["platinum", "yearly"])
def test_a_preview_of_what_recurs_leaves_out_what_waits(shop: Shop, plans: Plans, target: str) -> None:
    extra: dict[str, Any] = {"customer": plans.customer, "amount": 700, "currency": "usd"}
    shop.v1.invoice_items.create(cast(Any, extra))
    change = {"items": plans.to(getattr(plans, target)), "proration_behavior": "none"}
    form: Any = {"subscription": plans.subscription.id, "subscription_details": change}

    all_of_it = shop.v1.invoices.create_preview(form)
    alone = shop.v1.invoices.create_preview(form | {"preview_mode": "recurring"})

    assert all_of_it.total - alone.total == 700
    assert [line.parent and line.parent.type for line in alone.lines.data] == ["subscription_item_details"]
    assert len(shop.v1.invoice_items.list({"pending": True}).data) == 1


def test_a_preview_of_what_recurs_with_prorations_is_refused_by_name(shop: Shop, plans: Plans) -> None:
    change = {"items": plans.to(plans.yearly), "proration_behavior": "always_invoice"}
    form: Any = {"subscription": plans.subscription.id, "subscription_details": change}

    with pytest.raises(stripe.APIError, match="does not do this yet"):
        shop.v1.invoices.create_preview(form | {"preview_mode": "recurring"})


def test_a_new_subscription_can_be_previewed_without_a_customer(shop: Shop, plans: Plans) -> None:
    preview = shop.v1.invoices.create_preview(
        {"subscription_details": {"items": [{"price": plans.platinum, "quantity": 2}]}}
    )

    assert preview.total == 6000
    assert len(shop.v1.customers.list().data) == 1


def test_an_upgrade_that_is_not_paid_waits_and_can_still_happen(shop: Shop, plans: Plans) -> None:
    shop.give_card(plans.customer, "pm_card_chargeCustomerFail")

    waiting = shop.update(
        plans.subscription.id,
        items=plans.to(plans.platinum),
        proration_behavior="always_invoice",
        payment_behavior="pending_if_incomplete",
    )
    invoice = shop.latest(plans.customer)

    assert waiting.status == "active"
    assert waiting["items"].data[0].price.id == plans.gold
    assert waiting.pending_update is not None
    assert waiting.pending_update.subscription_items is not None
    assert waiting.pending_update.subscription_items[0].price.id == plans.platinum
    assert invoice.status == "open"

    shop.v1.invoices.pay(invoice.id, {"payment_method": shop.give_card(plans.customer)})

    changed = shop.subscription(plans.subscription.id)
    assert changed["items"].data[0].price.id == plans.platinum
    assert changed.pending_update is None
    assert shop.events()[-1] == "customer.subscription.pending_update_applied"


def test_an_upgrade_that_nobody_pays_is_forgotten_after_23_hours(shop: Shop, plans: Plans) -> None:
    shop.give_card(plans.customer, "pm_card_chargeCustomerFail")
    shop.update(
        plans.subscription.id,
        items=plans.to(plans.platinum),
        proration_behavior="always_invoice",
        payment_behavior="pending_if_incomplete",
    )

    shop.advance(hours=24)

    kept = shop.subscription(plans.subscription.id)
    assert kept.pending_update is None
    assert kept["items"].data[0].price.id == plans.gold
    assert shop.latest(plans.customer).status == "void"


def test_a_pending_upgrade_is_dropped_by_voiding_its_invoice(shop: Shop, plans: Plans) -> None:
    """https://docs.stripe.com/billing/subscriptions/pending-updates#canceling-changing"""
    shop.give_card(plans.customer, "pm_card_chargeCustomerFail")
    wait_for_payment(shop, plans, plans.platinum)

    shop.v1.invoices.void_invoice(shop.latest(plans.customer).id)

    kept = shop.subscription(plans.subscription.id)
    assert kept.status == "active"
    assert kept.pending_update is None
    assert kept["items"].data[0].price.id == plans.gold
    assert shop.events()[-1] == "customer.subscription.pending_update_expired"


def test_a_new_pending_upgrade_takes_the_place_of_the_one_that_waits(shop: Shop, plans: Plans) -> None:
    shop.give_card(plans.customer, "pm_card_chargeCustomerFail")
    wait_for_payment(shop, plans, plans.platinum)
    first = shop.latest(plans.customer)

    wait_for_payment(shop, plans, plans.platinum, quantity=2)

    assert shop.v1.invoices.retrieve(first.id).status == "void"
    shop.v1.invoices.pay(shop.latest(plans.customer).id, {"payment_method": shop.give_card(plans.customer)})
    assert shop.subscription(plans.subscription.id)["items"].data[0].quantity == 2


def test_a_pending_upgrade_lives_no_longer_than_its_period(shop: Shop, plans: Plans) -> None:
    shop.give_card(plans.customer, "pm_card_chargeCustomerFail")
    ends = shop.subscription(plans.subscription.id)["items"].data[0].current_period_end
    shop.advance(to=ends - 20 * 3600)

    waiting = wait_for_payment(shop, plans, plans.platinum)
    assert waiting.pending_update is not None
    assert waiting.pending_update.expires_at == ends
    shop.advance(hours=21)

    assert shop.subscription(plans.subscription.id).pending_update is None


def wait_for_payment(shop: Shop, plans: Plans, price: str, **item: int) -> stripe.Subscription:
    """Ask for a change that happens once it is paid."""
    return shop.update(
        plans.subscription.id,
        items=plans.to(price, **item),
        proration_behavior="always_invoice",
        payment_behavior="pending_if_incomplete",
    )


def test_an_upgrade_that_must_be_paid_or_not_happen_leaves_nothing(shop: Shop, plans: Plans) -> None:
    shop.give_card(plans.customer, "pm_card_chargeCustomerFail")

    with pytest.raises(stripe.CardError):
        shop.update(
            plans.subscription.id,
            items=plans.to(plans.platinum),
            proration_behavior="always_invoice",
            payment_behavior="error_if_incomplete",
        )

    assert shop.subscription(plans.subscription.id)["items"].data[0].price.id == plans.gold
    assert len(shop.invoices(plans.customer)) == 1


def test_canceling_at_once_can_give_the_unused_time_back(shop: Shop, plans: Plans) -> None:
    shop.v1.subscriptions.cancel(plans.subscription.id, {"prorate": True, "invoice_now": True})

    assert lines(shop.latest(plans.customer)) == [(-500, "Unused time on Gold after 16 Jul 2026")]
    assert shop.v1.customers.retrieve(plans.customer).balance == -500


def test_a_proration_date_outside_of_the_period_is_refused(shop: Shop, plans: Plans) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="outside of current subscription period"):
        shop.update(plans.subscription.id, items=plans.to(plans.platinum), proration_date=1000)


def test_items_have_routes_of_their_own(shop: Shop, plans: Plans) -> None:
    added = shop.v1.subscription_items.create(
        {"subscription": plans.subscription.id, "price": plans.platinum, "proration_behavior": "none"}
    )
    shop.v1.subscription_items.update(added.id, {"quantity": 2, "proration_behavior": "none"})
    listed = shop.v1.subscription_items.list({"subscription": plans.subscription.id}).data
    removed = shop.v1.subscription_items.delete(added.id)

    assert [(item.id, item.quantity) for item in listed] == [(plans.item, 1), (added.id, 2)]
    assert removed.deleted is True
    assert shop.v1.subscription_items.retrieve(plans.item).price.id == plans.gold
    with pytest.raises(stripe.InvalidRequestError, match="No such subscription_item"):
        shop.v1.subscription_items.retrieve(added.id)
