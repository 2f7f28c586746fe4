"""A plan is made larger or smaller, and each preview says what then happens."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from flask_prepaid import Plan
from flask_prepaid.subscriptions.models import State
from flask_prepaid.testing import Databases

from ..beginnings import beginning
from .plan_shop import ASKS_ALWAYS, DECLINES, PAGE, PlanShop


def day_of(at: datetime | None) -> str:
    assert at is not None
    return f"{at.astimezone(UTC):%Y-%m-%d}"


def test_a_preview_names_what_is_given_back_only_where_that_is_all(shop: PlanShop) -> None:
    shop.subscribe("small")
    shop.pass_time(days=14)
    customer = shop.v1.subscriptions.retrieve(shop.stripe_id()).customer
    item = {"customer": customer, "subscription": shop.stripe_id(), "amount": -300, "currency": "usd"}
    shop.v1.invoice_items.create(item)  # type: ignore[arg-type]

    page, _ = shop.preview("large")

    assert "<dt>Today</dt><dd>$12.00</dd>" in page
    assert "Unused part" not in page
    assert "What you paid for the rest of this period is taken off." in page


@pytest.mark.each_database
def test_a_larger_plan_begins_at_once_and_gives_the_difference_for_the_rest(
    shop: PlanShop,
) -> None:
    shop.subscribe("small")
    shop.pass_time(days=14)  # half of the 28 days until the last of February

    page, fields = shop.preview("large")
    rest = shop.share(400, fields["proration_date"])
    assert rest in (199, 200)
    rows = (
        '<dt>Large<span class="fact-more">until 28 February 2026</span></dt><dd>$20.00</dd>',
        "<dt>Unused part of Small</dt><dd>-$5.00</dd>",
        "<dt>Today</dt><dd>$15.00</dd>",
    )
    assert all(row in page for row in rows), page
    of_rest = '<span class="fact-more">for the rest of the period</span>'
    assert f"<dt>Credits added{of_rest}</dt><dd>{rest}</dd>" in page
    assert "$40.00 on 28 February 2026" in page
    shop.send("/change", **fields)
    shop.stripe.deliver()

    assert shop.invoices()[-1].total_minor == 1_500
    assert shop.balance() == 100 + rest
    assert "Large" in shop.page()


def test_what_a_change_costs_is_a_sum_that_its_currency_is_charged_in(
    databases: Databases, kind: str
) -> None:
    """Dinars have three decimals, of which the last is always 0."""
    plans = (
        Plan("small", credits=100, amount_minor=3_000, currency="kwd"),
        Plan("large", credits=700, amount_minor=9_990, currency="kwd"),
    )
    shop = PlanShop(databases.fresh(kind), plans=plans)
    shop.subscribe("small")
    shop.pass_time(days=11, hours=5)

    shop.change("large")

    assert [payment.charged_minor for payment in shop.payments()] == [3_000, 4_190]
    shop.read(lambda: shop.prepaid.refund(shop.payments()[-1].id, reason="asked for"))
    assert shop.payments()[-1].refunded_minor == 4_190
    shop.close()


def test_a_double_click_changes_and_charges_once(shop: PlanShop) -> None:
    shop.subscribe("small")
    shop.pass_time(days=7)
    _, fields = shop.preview("large")

    answers = [shop.send("/change", **fields).status_code for _ in range(2)]
    shop.stripe.deliver()

    assert answers == [303, 303]
    assert len(shop.invoices()) == 2


def test_a_smaller_plan_begins_when_the_period_ends(shop: PlanShop) -> None:
    shop.subscribe("large")
    shop.pass_time(days=10)
    page, _ = shop.preview("small")
    assert "<dt>Today</dt><dd>Nothing is charged</dd>" in page
    assert "$10.00 on 28 February 2026" in page

    shop.change("small")
    assert "On 28 February 2026 it changes to Small" in shop.page()
    assert "Next charge: <strong>$10.00</strong>" in shop.page()
    shop.pass_time(days=19)

    assert [invoice.total_minor for invoice in shop.invoices()] == [4_000, 1_000]
    assert shop.entries()[-1] == ("allowance", 100)
    assert shop.row().next_price_id is None


def test_a_smaller_plan_can_be_undone_until_then(shop: PlanShop) -> None:
    shop.subscribe("large")
    shop.change("small")
    box = shop.page().partition('<div class="alert alert-info with-button"')[2].partition("</div>")[0]
    assert "Undo this change" in box

    shop.do("keep")
    shop.pass_time(days=29)

    assert [invoice.total_minor for invoice in shop.invoices()] == [4_000, 4_000]


def test_after_a_planned_smaller_plan_a_larger_one_can_be_chosen(shop: PlanShop) -> None:
    shop.subscribe("small")
    shop.change("seats")
    assert shop.row().next_price_id is not None

    since = shop.change("large")

    assert shop.row().next_price_id is None
    assert shop.balance() == 100 + shop.share(400, since)


@pytest.mark.parametrize(
    ("first", "planned", "wanted", "next_charge"),
    [("large", "small", "trial", "$20.00"), ("small", "taste", "large", "$40.00")],
    ids=["another smaller one", "a larger one"],
)
def test_a_preview_beside_a_planned_change_shows_its_own_next_charge(
    shop: PlanShop, first: str, planned: str, wanted: str, next_charge: str
) -> None:
    shop.subscribe(first)
    shop.change(planned)

    page, fields = shop.preview(wanted)
    assert f"{next_charge} on 28 February 2026" in page
    assert "it changes to" in shop.page(), "a preview gives nothing up"
    shop.send("/change", **fields)
    shop.stripe.deliver()
    assert f"Next charge: <strong>{next_charge}</strong> on 28 February 2026" in shop.page()

    shop.pass_time(days=30)
    assert shop.invoices()[-1].total_minor == int(next_charge.strip("$").replace(".", ""))


def test_what_is_too_little_to_charge_alone_is_in_the_next_charge(shop: PlanShop) -> None:
    shop.subscribe("seats", quantity="6")
    shop.pass_time(days=27)

    page, fields = shop.preview("small")
    assert fields["due_minor"] == "0"
    assert "$10.04 on 28 February 2026" in page
    assert "In the next charge is $0.04 that is owed now, and too little to charge alone." in page
    shop.send("/change", **fields)
    shop.stripe.deliver()
    assert "Next charge: <strong>$10.04</strong>" in shop.page()

    shop.pass_time(days=2)
    assert [(invoice.total_minor, invoice.due_minor) for invoice in shop.invoices()] == [
        (900, 900),
        (4, 0),
        (1_000, 1_004),
    ]


def test_what_stripe_owes_the_customer_is_used_up_once(shop: PlanShop) -> None:
    shop.subscribe("small")
    customer = str(shop.v1.subscriptions.retrieve(shop.stripe_id()).customer)
    shop.v1.customers.update(customer, {"balance": -3_500})
    shop.pass_time(days=14)

    page, fields = shop.preview("large")
    assert fields["due_minor"] == "0"
    assert "$20.00 on 28 February 2026" in page
    shop.send("/change", **fields)
    shop.stripe.deliver()

    assert "Next charge: <strong>$20.00</strong>" in shop.page()


def test_the_draft_of_the_last_hour_takes_its_part_of_what_stripe_owes_the_customer(shop: PlanShop) -> None:
    shop.subscribe("small")
    customer = str(shop.v1.subscriptions.retrieve(shop.stripe_id()).customer)
    shop.v1.customers.update(customer, {"balance": -1_570})
    shop.pass_time(days=28, minutes=10)
    assert shop.invoices()[-1].state == "draft"

    assert "Next charge: <strong>$4.30</strong> on 31 March 2026" in shop.page()
    page, _ = shop.preview("seats", quantity="4")
    assert "$0.00 on 31 March 2026" in page, "30 cents are below the least that Stripe charges"
    shop.change("seats", quantity="4")
    assert "Next charge: <strong>$0.00</strong> on 31 March 2026" in shop.page()
    shop.pass_time(days=31)

    assert [invoice.due_minor for invoice in shop.invoices()] == [1_000, 0, 0]


def test_what_the_dashboard_left_to_be_billed_comes_with_the_change_and_not_again(shop: PlanShop) -> None:
    shop.subscribe("small")
    customer = str(shop.v1.subscriptions.retrieve(shop.stripe_id()).customer)
    extra = {"customer": customer, "subscription": shop.stripe_id(), "amount": 700, "currency": "usd"}
    shop.v1.invoice_items.create(extra)  # type: ignore[arg-type]
    shop.pass_time(days=14)

    page, fields = shop.preview("large")
    assert fields["due_minor"] == "2200"
    assert "$40.00 on 28 February 2026" in page
    shop.send("/change", **fields)
    shop.stripe.deliver()

    assert "Next charge: <strong>$40.00</strong>" in shop.page()


def test_a_longer_plan_beside_a_planned_change_is_previewed_as_it_is(shop: PlanShop) -> None:
    shop.subscribe("small")
    shop.change("taste")
    shop.pass_time(days=14)

    page, _ = shop.preview("yearly")
    assert "$400.00 on 14 February 2027" in page
    shop.change("yearly")

    assert "Next charge: <strong>$400.00</strong> on 14 February 2027" in shop.page()


def test_from_months_to_a_year_the_rest_of_the_month_is_counted(shop: PlanShop) -> None:
    shop.subscribe("small")
    shop.pass_time(days=14)
    page, fields = shop.preview("yearly")
    assert "<dt>Today</dt><dd>$395.00</dd>" in page
    assert "<dt>Credits added</dt><dd>5,950</dd>" in page
    assert "$400.00 on 14 February 2027" in page

    shop.send("/change", **fields)
    shop.stripe.deliver()

    assert shop.invoices()[-1].total_minor == int(fields["due_minor"])
    assert shop.balance() == 100 + 5_950
    assert day_of(shop.row().period_end) == "2027-02-14"


def test_from_a_year_to_months_at_the_years_end(shop: PlanShop) -> None:
    shop.subscribe("yearly")
    page, _ = shop.preview("small")
    assert "$10.00 on 31 January 2027" in page
    shop.change("small")

    shop.pass_time(months=12, days=1)

    assert [invoice.total_minor for invoice in shop.invoices()] == [40_000, 1_000]
    assert day_of(shop.row().period_end) == "2027-02-28"


def test_more_of_a_plan_at_once_and_fewer_at_the_end(shop: PlanShop) -> None:
    shop.subscribe("seats", quantity="2")
    shop.pass_time(days=14)

    more = shop.share(40, shop.change("seats", quantity="6"))
    assert shop.balance() == 20 + more
    shop.change("seats", quantity="1")
    assert shop.balance() == 20 + more
    shop.pass_time(days=15)

    assert [invoice.total_minor for invoice in shop.invoices()] == [300, 300, 150]


def test_a_dearer_plan_that_gives_less_waits_for_the_periods_end(shop: PlanShop) -> None:
    shop.subscribe("small")

    shop.change("seats", quantity="9")

    assert shop.balance() == 100
    assert "it changes to Seats, 9 times" in shop.page()


def test_an_upgrade_whose_card_is_declined_changes_nothing_until_it_is_paid(shop: PlanShop) -> None:
    shop.subscribe("small")
    shop.v1.subscriptions.update(
        shop.stripe_id(), {"default_payment_method": shop.save_card("pm_card_chargeCustomerFail")}
    )
    shop.pass_time(days=14)

    since = shop.change("large")

    assert shop.state() is State.ACTIVE
    assert shop.balance() == 100
    assert "Your change waits for its payment" in shop.page()
    assert shop.browser().get(f"{PAGE}/change", query_string={"plan": "yearly"}).status_code == 409
    shop.pay_invoice()
    assert shop.balance() == 100 + shop.share(400, since)
    assert "Large" in shop.page()


def test_an_upgrade_that_nobody_pays_never_happens(shop: PlanShop) -> None:
    shop.subscribe("small")
    card = shop.save_card("pm_card_chargeCustomerFail")
    shop.v1.subscriptions.update(shop.stripe_id(), {"default_payment_method": card})
    shop.change("large")

    shop.pass_time(hours=24)

    assert shop.row().pending_until is None
    assert "Small" in shop.page()
    assert shop.balance() == 100


def test_an_upgrade_that_waits_for_its_payment_can_be_dropped(shop: PlanShop) -> None:
    wait_for_payment(shop)
    assert "Drop this change" in shop.page()

    shop.do("keep")

    assert shop.row().pending_until is None
    assert [invoice.state for invoice in shop.invoices()] == ["paid", "void"]
    assert "Your change waits" not in shop.page()
    assert "Next charge: <strong>$10.00</strong> on 28 February 2026" in shop.page()
    assert shop.browser().get(f"{PAGE}/change", query_string={"plan": "large"}).status_code == 200
    assert shop.balance() == 100


def test_a_dropped_upgrade_that_was_paid_in_that_moment_has_happened(deaf_shop: PlanShop) -> None:
    since = wait_for_payment(deaf_shop)
    owed = deaf_shop.invoices()[-1].stripe_id
    deaf_shop.v1.invoices.pay(owed, {"payment_method": deaf_shop.save_card()})

    assert deaf_shop.do("keep").status_code == 303

    assert deaf_shop.balance() == 100 + deaf_shop.share(400, since)
    assert deaf_shop.row().pending_until is None


def test_to_cancel_drops_an_upgrade_that_waits(shop: PlanShop) -> None:
    wait_for_payment(shop)

    shop.do("cancel", when="end")

    assert shop.row().pending_until is None
    assert "Your plan ends on 28 February 2026" in shop.page()
    assert [invoice.state for invoice in shop.invoices()] == ["paid", "void"]


@beginning
def wait_for_payment(shop: PlanShop) -> str:
    """Choose a larger plan with a card that is declined; the moment since when it would count."""
    shop.subscribe("small")
    card = shop.save_card("pm_card_chargeCustomerFail")
    shop.v1.subscriptions.update(shop.stripe_id(), {"default_payment_method": card})
    since = shop.change("large")
    assert shop.row().pending_until is not None
    return since


def test_an_upgrade_in_the_hour_before_a_renewal_is_paid_keeps_its_credits(shop: PlanShop) -> None:
    """The month that is paid an hour later ends what earlier months gave, and not the upgrade of its own."""
    shop.subscribe("small")
    shop.spend(90)
    shop.pass_time(days=28, minutes=10)
    assert "$10.00 is charged within the next hours" in shop.page()

    rest = shop.share(400, shop.change("large"))
    shop.pass_time(hours=2)

    assert [invoice.state for invoice in shop.invoices()] == ["paid"] * 3
    assert shop.balance() == 10 + 100 + rest
    shop.pass_time(days=31)
    assert shop.balance() == 500


def test_the_same_plan_again_is_no_change(shop: PlanShop) -> None:
    shop.subscribe("small")

    answer = shop.browser().get(f"{PAGE}/change", query_string={"plan": "small"})

    assert answer.status_code == 409
    assert "That is the plan you have" in answer.text


def test_a_change_made_in_stripes_dashboard_arrives_the_same(shop: PlanShop) -> None:
    shop.subscribe("small")
    shop.subscribe("large", owner="user:2")
    large = shop.row("user:2").price_id
    shop.pass_time(days=14)
    item = shop.v1.subscriptions.retrieve(shop.stripe_id())["items"].data[0].id

    shop.v1.subscriptions.update(
        shop.stripe_id(), {"items": [{"id": item, "price": large}], "proration_behavior": "always_invoice"}
    )
    shop.stripe.deliver()

    assert shop.balance() in (299, 300)
    assert "Large" in shop.page()


def test_a_smaller_plan_at_once_by_the_dashboard_takes_the_rest_back(shop: PlanShop) -> None:
    shop.subscribe("large")
    shop.subscribe("small", owner="user:2")
    small = shop.row("user:2").price_id
    shop.pass_time(days=14)
    item = shop.v1.subscriptions.retrieve(shop.stripe_id())["items"].data[0].id

    shop.v1.subscriptions.update(
        shop.stripe_id(), {"items": [{"id": item, "price": small}], "proration_behavior": "always_invoice"}
    )
    shop.stripe.deliver()

    kinds, credits = zip(*shop.entries(), strict=True)
    assert kinds == ("allowance", "clawback")
    assert credits in ((500, -199), (500, -200))


def test_a_bank_that_asks_each_time_is_answered_on_stripes_page(shop: PlanShop) -> None:
    shop.subscribe("small", card=ASKS_ALWAYS)
    shop.pass_time(days=14)

    since = shop.change("large")
    assert shop.balance() == 100
    shop.pay_invoice(ASKS_ALWAYS)

    assert shop.balance() == 100 + shop.share(400, since)


def test_a_declining_card_leaves_the_page_open(shop: PlanShop) -> None:
    session = shop.choose("small")
    shop.stripe.decline(session, DECLINES)

    shop.stripe.pay(session)

    assert shop.state() is State.ACTIVE
    assert shop.balance() == 100


def test_a_plan_is_offered_anew_on_the_terms_of_today(shop: PlanShop) -> None:
    shop.subscribe("small")
    own, cheaper = 'value="small"', Plan("small", credits=100, amount_minor=800, name="Small", roll_over=30)
    assert own not in shop.page()
    shop.prepaid.catalog.plans["small"] = cheaper

    assert own in shop.page()
    shop.change("small")
    shop.pass_time(days=29)

    assert [invoice.total_minor for invoice in shop.invoices()] == [1_000, 800]
    assert own not in shop.page()


def test_who_has_the_only_plan_is_asked_for_no_other(databases: Databases, kind: str) -> None:
    shop = PlanShop(databases.fresh(kind), plans=[Plan("pro", credits=100, amount_minor=1_000)])
    shop.subscribe("pro")

    page = shop.page()

    assert "Pause" in page
    assert "Change your plan" not in page
    shop.close()
