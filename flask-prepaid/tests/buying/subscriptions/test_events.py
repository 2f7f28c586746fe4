"""Whatever becomes of the events, the end is the same; whatever differs is found and mended."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from flask_prepaid.subscriptions import prices
from flask_prepaid.subscriptions.models import State
from flask_prepaid.testing import Databases

from .plan_shop import PAGE, PLANS, PlanShop


def live(shop: PlanShop) -> None:
    """A life: begun, larger, renewed, failed and mended, smaller, paused, resumed, at last canceled."""
    shop.subscribe("small")
    shop.pass_time(days=10)
    shop.change("large")
    shop.pass_time(days=19)
    shop.do("card", saved_card=shop.save_card("pm_card_chargeCustomerFail"))
    shop.pass_time(days=32)
    shop.do("card", saved_card=shop.save_card("pm_card_mastercard"))
    shop.change("seats", quantity="3")
    shop.pass_time(months=1)
    shop.do("pause")
    shop.pass_time(days=3)
    shop.do("resume")
    shop.pass_time(months=1)
    shop.do("cancel", when="end")
    shop.pass_time(months=1)


def end(shop: PlanShop) -> tuple[Any, ...]:
    """How it ended: state, period, invoices with what each gave, and what is left."""
    row = shop.row()
    given = [(invoice.state, invoice.total_minor, (invoice.credits or 0) > 0) for invoice in shop.invoices()]
    return row.state, str(row.period_end)[:10], row.quantity, given, shop.balance()


@pytest.fixture(scope="module")
def orderly_end(databases: Databases) -> tuple[Any, ...]:
    """How the life ends when each event comes once and in its turn."""
    shop = PlanShop(databases.fresh("sqlite"))
    live(shop)
    ended = end(shop)
    shop.close()
    assert ended[0] is State.CANCELED
    return ended


EVERYTHING = {"duplicate": 0.5, "shuffle": True, "drop": 0.5, "seed": 7}


@pytest.mark.parametrize(
    ("kind", "chaos"),
    [
        ("sqlite", {"duplicate": 1}),
        ("sqlite", {"shuffle": True, "seed": 3}),
        ("sqlite", EVERYTHING),
        ("postgresql", EVERYTHING),
        ("sqlite", {"drop": 1}),
    ],
    ids=["doubled", "shuffled", "everything", "everything on postgresql", "dropped"],
)
def test_a_plans_life_ends_the_same_in_any_order_of_its_events(
    databases: Databases, orderly_end: tuple[Any, ...], kind: str, chaos: dict[str, Any]
) -> None:
    shop = PlanShop(databases.fresh(kind))
    shop.stripe.chaos(**chaos)
    live(shop)
    shop.stripe.chaos()
    assert shop.drift("--fix") == []

    assert end(shop) == orderly_end
    assert shop.drift() == []
    shop.close()


def test_an_upgrade_heard_of_before_its_month_gives_both(deaf_shop: PlanShop) -> None:
    """Were the month settled last, it would end what the upgrade gave."""
    session = deaf_shop.choose("small")
    deaf_shop.stripe.pay(session)
    deaf_shop.browser().get("/prepaid/plan", query_string={"session_id": session})
    deaf_shop.pass_time(days=29)
    deaf_shop.change("large")

    assert deaf_shop.drift("--fix") == []
    assert deaf_shop.balance() > 130 + 380


def test_what_no_event_told_reconcile_finds_and_mends(deaf_shop: PlanShop) -> None:
    deaf_shop.subscribe("small")
    deaf_shop.stripe.advance(days=29)

    kinds = {row["kind"] for row in deaf_shop.drift()}
    assert kinds == {"drifted", "missed"}
    assert deaf_shop.drift("--fix") == []

    assert deaf_shop.balance() == 130


def test_without_events_the_tick_sees_that_a_renewal_is_due(deaf_shop: PlanShop) -> None:
    deaf_shop.subscribe("small")
    deaf_shop.stripe.advance(days=29)

    deaf_shop.tick()

    assert deaf_shop.balance() == 130


def test_a_plan_begun_in_the_dashboard_is_taken_on(shop: PlanShop) -> None:
    shop.subscribe("small")
    price = shop.row().price_id
    customer = shop.v1.subscriptions.retrieve(shop.stripe_id()).customer
    shop.do("cancel", when="now")
    card = shop.save_card()

    shop.v1.subscriptions.create(
        {"customer": str(customer), "items": [{"price": price}], "default_payment_method": card}
    )
    shop.stripe.deliver()

    assert shop.state() is State.ACTIVE
    assert shop.balance() == 200


def test_a_second_plan_in_the_dashboard_is_shown_and_gives_nothing(deaf_shop: PlanShop) -> None:
    deaf_shop.subscribe("small")
    price = deaf_shop.row().price_id
    customer = deaf_shop.v1.subscriptions.retrieve(deaf_shop.stripe_id()).customer
    second = deaf_shop.v1.subscriptions.create(
        {
            "customer": str(customer),
            "items": [{"price": price}],
            "default_payment_method": deaf_shop.save_card(),
        }
    )

    drift = deaf_shop.drift("--fix")

    assert [(difference["kind"], difference["id"]) for difference in drift] == [("doubled", second.id)]
    assert deaf_shop.balance() == 100


def test_a_cancellation_in_stripes_portal_arrives(shop: PlanShop) -> None:
    shop.subscribe("small")

    shop.v1.subscriptions.update(shop.stripe_id(), {"cancel_at_period_end": True})
    shop.stripe.deliver()
    assert "Your plan ends on 28 February 2026" in shop.page()
    shop.v1.subscriptions.cancel(shop.stripe_id())
    shop.stripe.deliver()

    assert shop.state() is State.CANCELED


def no_plans_price(shop: PlanShop) -> stripe.Price:
    """Five dollars a month for something that was made up in the dashboard."""
    return shop.v1.prices.create(
        {
            "unit_amount": 500,
            "currency": "usd",
            "recurring": {"interval": "month"},
            "product_data": {"name": "Special"},
        }
    )


def test_a_price_of_the_dashboards_that_is_no_plans_is_shown_as_drift_until_it_ends(shop: PlanShop) -> None:
    shop.subscribe("small")
    foreign = no_plans_price(shop)
    item = shop.v1.subscriptions.retrieve(shop.stripe_id())["items"].data[0].id
    shop.v1.subscriptions.update(shop.stripe_id(), {"items": [{"id": item, "price": foreign.id}]})
    shop.stripe.deliver()
    details = [difference["detail"] for difference in shop.drift("--fix")]
    assert [detail.split(";")[0] for detail in details] == [f"price id is {foreign.id}"]

    shop.v1.subscriptions.cancel(shop.stripe_id())
    shop.stripe.deliver()

    assert shop.state() is State.CANCELED
    assert shop.drift() == []
    shop.subscribe("large")


def test_what_went_back_of_an_invoice_before_its_price_was_known_takes_its_credits(shop: PlanShop) -> None:
    """The dashboard's price is given the terms of a plan after a month of it was paid, and half refunded."""
    shop.subscribe("small")
    special = no_plans_price(shop)
    item = shop.v1.subscriptions.retrieve(shop.stripe_id())["items"].data[0].id
    at_once: Any = {"items": [{"id": item, "price": special.id}], "proration_behavior": "none"}
    shop.v1.subscriptions.update(shop.stripe_id(), at_once)
    shop.pass_time(days=29)
    shop.v1.refunds.create({"charge": shop.charges()[0].id, "amount": 250})
    shop.stripe.deliver()

    terms = {"prepaid_plan": "special", "prepaid_title": "Special", "prepaid_credits": "80"}
    shop.v1.prices.update(special.id, {"metadata": {**terms, "prepaid_roll_over": "0"}})
    shop.v1.subscriptions.update(shop.stripe_id(), {"metadata": {"note": "has terms now"}})
    shop.stripe.deliver()
    assert shop.balance() == 80
    shop.tick()

    assert shop.balance() == 40


@pytest.mark.parametrize(
    "terms",
    [
        {"prepaid_credits": "many"},
        {"prepaid_credits": "9" * 30},
        {"prepaid_title": ""},
        {"prepaid_title": "x" * 400},
        {"prepaid_parts": "0"},
    ],
)
def test_a_price_with_terms_that_no_plan_can_have_is_no_plans(shop: PlanShop, terms: dict[str, str]) -> None:
    """Somebody with the Stripe key writes there what they like."""
    shop.keep_card()
    good = {
        "prepaid_plan": "small",
        "prepaid_title": "Small",
        "prepaid_credits": "1",
        "prepaid_roll_over": "0",
    }
    price = shop.v1.prices.create(
        {
            "unit_amount": 100,
            "currency": "usd",
            "recurring": {"interval": "month"},
            "product_data": {"name": "Small"},
            "metadata": {**good, **terms},
        }
    )
    customer = shop.read(lambda: shop.prepaid.customer_id("user:1"))
    shop.v1.subscriptions.create({"customer": customer, "items": [{"price": price.id}]})
    shop.stripe.deliver()

    assert shop.read(lambda: shop.prepaid.plan("user:1")) is None
    assert [event.outcome for event in shop.inbox() if event.handled_at is None] == []
    assert "unknown" in {each["kind"] for each in shop.drift()} or shop.drift()
    shop.v1.subscriptions.cancel(shop.v1.subscriptions.list().data[0].id)
    shop.stripe.deliver()


def test_a_later_day_to_end_set_in_the_dashboard_renews_until_then(shop: PlanShop) -> None:
    shop.subscribe("small")
    shop.v1.subscriptions.update(shop.stripe_id(), {"cancel_at": shop.stripe.now() + 40 * 86_400})
    shop.stripe.deliver()
    assert "Your plan ends on 12 March 2026, and renews until then" in shop.page()
    assert "Next charge: <strong>" in shop.page()

    shop.pass_time(days=41)

    assert shop.state() is State.CANCELED
    assert [invoice.state for invoice in shop.invoices()][:2] == ["paid", "paid"]


def test_an_item_that_the_dashboard_puts_beside_the_plan_is_shown_and_billed_with_it(
    shop: PlanShop,
) -> None:
    shop.subscribe("small")
    beside = no_plans_price(shop)
    shop.v1.subscription_items.create(
        {"subscription": shop.stripe_id(), "price": beside.id, "proration_behavior": "none"}
    )
    shop.stripe.deliver()

    page = shop.page()
    assert "100 credits for $10.00 a month" in page
    assert "With it comes one more item that we have set up for you" in page
    assert "Next charge: <strong>$15.00</strong> on 28 February 2026" in page
    assert "Change your plan" not in page
    assert shop.browser().get(f"{PAGE}/change", query_string={"plan": "large"}).status_code == 409
    shop.pass_time(days=29)

    assert [invoice.total_minor for invoice in shop.invoices()] == [1_000, 1_500]
    assert shop.entries()[-1] == ("allowance", 100)
    assert [row.mrr_after_minor for row in shop.history()] == [1_000], (
        "what is beside the plan is no plan's revenue"
    )
    assert shop.audit() == []


def test_a_plan_is_found_beside_an_item_that_came_before_it(shop: PlanShop) -> None:
    shop.subscribe("small")
    customer = str(shop.v1.subscriptions.retrieve(shop.stripe_id()).customer)
    plan = shop.row().price_id
    beside = no_plans_price(shop)
    shop.do("cancel", when="now")

    shop.v1.subscriptions.create(
        {
            "customer": customer,
            "items": [{"price": beside.id}, {"price": plan, "quantity": 2}],
            "default_payment_method": shop.save_card(),
        }
    )
    shop.stripe.deliver()

    assert (shop.row().price_id, shop.row().quantity, shop.row().other_items) == (plan, 2, 1)
    assert shop.balance() == 100 + 200


def stop_payments(shop: PlanShop, **until: int) -> None:
    """As an operator does in Stripe's dashboard."""
    stopped: Any = {"pause_collection": {"behavior": "void", **until}}
    shop.v1.subscriptions.update(shop.stripe_id(), stopped)


def test_payments_that_the_dashboard_stops_are_shown_at_once_and_so_is_that_they_go_on(
    shop: PlanShop,
) -> None:
    shop.subscribe("small")
    stop_payments(shop, resumes_at=shop.stripe.now() + 40 * 86_400)
    shop.stripe.deliver()

    page = shop.page()
    assert "We have stopped the payments of your plan until 12 March 2026." in page
    assert "Next charge" not in page
    assert "Change your plan" not in page
    assert shop.browser().get(f"{PAGE}/change", query_string={"plan": "large"}).status_code == 409
    shop.pass_time(days=41)

    assert "We have stopped" not in shop.page()
    assert "Next charge: <strong>$10.00</strong> on 31 March 2026" in shop.page()
    assert "Change your plan" in shop.page()
    assert len(shop.given()) == 1


def test_payments_that_are_to_go_on_before_the_renewal_leave_the_next_charge(shop: PlanShop) -> None:
    shop.subscribe("small")
    stop_payments(shop, resumes_at=shop.stripe.now() + 10 * 86_400)
    shop.stripe.deliver()

    assert "Next charge: <strong>$10.00</strong> on 28 February 2026" in shop.page()


def test_stopped_payments_that_no_event_told_of_are_found_by_reconcile(deaf_shop: PlanShop) -> None:
    deaf_shop.subscribe("small")
    stop_payments(deaf_shop)

    assert [(difference["kind"], difference["detail"]) for difference in deaf_shop.drift()] == [
        ("drifted", "collects is False; here True")
    ]
    assert deaf_shop.drift("--fix") == []
    assert "We have stopped the payments of your plan." in deaf_shop.page()


@pytest.mark.parametrize("behavior", ["void", "keep_as_draft", "mark_uncollectible"])
def test_a_period_that_the_dashboard_gives_up_is_not_called_paid(shop: PlanShop, behavior: str) -> None:
    shop.subscribe("small")
    shop.v1.subscriptions.update(shop.stripe_id(), {"pause_collection": {"behavior": behavior}})

    shop.pass_time(days=29)

    assert "This period was not charged, so it gives no credits" in shop.page()
    assert len(shop.given()) == 1


def test_a_refund_of_a_month_takes_its_credits_back(shop: PlanShop) -> None:
    shop.subscribe("small")
    payment = shop.payments()[0]

    result = shop.command("refund", str(payment.id), "--amount", "250", "--reason", "half a week down")
    shop.stripe.deliver()

    assert result.exit_code == 0, result.output
    assert shop.balance() == 75
    assert payment.title == "Small"


def test_a_dispute_of_a_month_that_no_event_told_of_takes_its_credits_back(deaf_shop: PlanShop) -> None:
    deaf_shop.subscribe("small")
    intent = deaf_shop.payments()[0].payment_intent_id
    deaf_shop.stripe.dispute(intent)

    assert deaf_shop.drift("--fix") == []
    assert deaf_shop.balance() == 0


def test_connect_mirrors_each_plan_once(shop: PlanShop) -> None:
    for _ in range(2):
        assert shop.command("connect").exit_code == 0

    keys = [f"prepaid_plan_{slug}" for slug in shop.prepaid.catalog.plans]
    prices = shop.v1.prices.list({"lookup_keys": keys[:10], "limit": 100}).data
    assert sorted(str(price.lookup_key) for price in prices) == sorted(keys)
    assert len(shop.v1.prices.list({"limit": 100, "type": "recurring"}).data) == len(keys)


def test_a_price_of_another_process_is_learned_from_stripe(shop: PlanShop) -> None:
    plan = PLANS[0]
    made, _ = shop.read(lambda: shop.prepaid.gateway).prices.mirror(
        "prepaid_plan_small",
        plan.title,
        amount_minor=plan.amount_minor,
        currency=plan.currency,
        period=plan.period,
        terms=prices.as_metadata(plan),
    )

    def learn() -> list[tuple[str, int]]:
        known = prices.learn(shop.prepaid, [made.id, "price_none"])
        return [(price.plan, price.credits) for price in known.values()]

    assert shop.read(learn) == [("small", 100)]
