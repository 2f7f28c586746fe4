"""Stop and go: the end of the period or now, resumed before it, paused and taken up again."""

from __future__ import annotations

import pytest

from flask_prepaid.subscriptions.models import State
from flask_prepaid.testing import Databases

from ..operations.test_refusals import Refusing
from ..purchases.test_fraud_warnings import WARNS
from .plan_shop import PAGE, PlanShop, hidden_fields, words
from .test_failing import fail_next


def test_what_ends_and_what_stays_is_said_before_and_done_after(shop: PlanShop) -> None:
    shop.subscribe("small")
    before = words(shop.browser().get(f"{PAGE}/cancel").text)
    assert "The plan runs until 28 February 2026" in before
    assert "Its credits last until 3 March 2026" in before

    shop.do("cancel", when="end")
    assert "Your plan ends on 28 February 2026" in shop.page()
    assert '<span class="badge text-bg-warning">Ends 28 February 2026</span>' in shop.page()
    assert ">Active<" not in shop.page()
    shop.pass_time(days=30)
    assert shop.state() is State.CANCELED
    assert shop.balance() == 100
    shop.pass_time(days=2)

    assert shop.balance() == 0
    assert len(shop.invoices()) == 1


def test_who_cancels_before_the_renewal_is_charged_reads_that_it_will_be(shop: PlanShop) -> None:
    shop.subscribe("small")
    shop.pass_time(days=28, minutes=5)
    before = words(shop.browser().get(f"{PAGE}/cancel").text)
    assert "$10.00 is charged within the next hours for the period that has begun" in before
    assert "The plan ends at once, and can't be resumed. The period that has begun is not charged." in before
    assert "Nothing more is charged" not in before

    browser = shop.browser()
    shop.send_form(browser, "/prepaid/buy", to=f"{PAGE}/cancel", when="end")

    after = words(browser.get(PAGE).text)
    assert (
        "Your plan ends with the period that has begun. $10.00 is charged for it, and nothing more." in after
    )
    shop.pass_time(hours=2)
    assert [charge.amount for charge in shop.charges()] == [1_000, 1_000]
    shop.pass_time(months=2)
    assert len(shop.charges()) == 2


def test_who_pauses_before_the_renewal_is_charged_reads_that_it_will_be(shop: PlanShop) -> None:
    shop.subscribe("small")
    shop.pass_time(days=28, minutes=5)
    browser = shop.browser()

    shop.send_form(browser, "/prepaid/buy", to=f"{PAGE}/pause")

    assert (
        "Your plan is paused after the period that has begun. $10.00 is charged for it, and nothing more."
    ) in words(browser.get(PAGE).text)


def test_who_ends_a_plan_at_once_before_its_renewal_is_charged_pays_nothing(shop: PlanShop) -> None:
    shop.subscribe("small")
    shop.pass_time(days=28, minutes=5)

    shop.do("cancel", when="now")
    shop.pass_time(days=3)

    assert len(shop.charges()) == 1


def test_a_plan_that_is_to_end_can_be_resumed_until_then(shop: PlanShop) -> None:
    shop.subscribe("small")
    shop.do("cancel", when="end")
    assert "Next charge" not in shop.page()

    shop.do("keep")
    shop.pass_time(days=29)

    assert shop.state() is State.ACTIVE
    assert len(shop.invoices()) == 2


def test_canceling_now_pays_nothing_back_and_leaves_the_credits(shop: PlanShop) -> None:
    shop.subscribe("small")
    assert "the credits you have from it last until 3 March 2026" in words(
        shop.browser().get(f"{PAGE}/cancel").text
    )

    shop.do("cancel", when="now")

    assert shop.state() is State.CANCELED
    assert shop.balance() == 100
    assert "Your last plan ended on 31 January 2026" in shop.page()


@pytest.mark.parametrize("when", ["NOW", "now\x00", "never"])
def test_a_form_that_says_neither_when_ends_nothing(shop: PlanShop, when: str) -> None:
    shop.subscribe("small")

    refused = shop.do("cancel", when=when)

    assert refused.status_code == 422
    assert "Say whether to cancel now, or when the period that is paid ends." in refused.text
    assert (shop.state(), shop.row().cancel_at) == (State.ACTIVE, None)


def test_a_new_plan_leaves_what_the_one_before_it_gave(shop: PlanShop) -> None:
    shop.subscribe("yearly")
    shop.do("cancel", when="now")
    shop.subscribe("small")

    shop.pass_time(days=29)

    assert shop.balance() == 6_000 + 30 + 100


def test_a_pause_inside_the_paid_period_goes_on_without_a_charge(shop: PlanShop) -> None:
    shop.subscribe("small")

    shop.do("pause")
    assert shop.state() is State.PAUSED
    assert "does not renew" in shop.page()
    shop.pass_time(days=5)
    shop.do("resume")

    assert shop.state() is State.ACTIVE
    assert len(shop.invoices()) == 1
    shop.pass_time(days=24)
    assert len(shop.invoices()) == 2


def test_a_pause_beyond_it_begins_a_new_period_that_is_paid(shop: PlanShop) -> None:
    shop.subscribe("small")
    shop.do("pause")

    shop.pass_time(days=60)
    assert shop.balance() == 0
    assert "Resume and pay $10.00" in shop.page()
    shop.do("resume")

    assert shop.state() is State.ACTIVE
    assert shop.balance() == 100
    assert [invoice.total_minor for invoice in shop.invoices()] == [1_000, 1_000]


def test_what_it_costs_to_resume_is_said_with_the_coupon_and_what_else_the_plan_has(shop: PlanShop) -> None:
    shop.subscribe("small")
    coupon = shop.v1.coupons.create({"percent_off": 20, "duration": "forever"})
    shop.v1.subscriptions.update(shop.stripe_id(), {"discounts": [{"coupon": coupon.id}]})
    shop.do("pause")
    shop.pass_time(days=60)

    assert "Resume and pay $8.00" in shop.page()
    shop.do("resume")

    assert [invoice.total_minor for invoice in shop.invoices()] == [1_000, 800]


def test_a_planned_smaller_plan_is_forgotten_when_the_plan_is_to_end(shop: PlanShop) -> None:
    shop.subscribe("large")
    shop.change("small")

    shop.do("cancel", when="end")

    assert shop.row().next_price_id is None
    assert "Your plan ends on 28 February 2026" in shop.page()


def test_a_planned_smaller_plan_is_not_lost_by_a_pause(shop: PlanShop) -> None:
    shop.subscribe("large")
    shop.change("small")
    assert ">Pause the plan<" not in shop.page()

    assert shop.do("pause").status_code == 409

    assert "it changes to Small" in shop.page()
    assert "The change to another plan is forgotten" in shop.browser().get("/prepaid/plan/cancel").text
    shop.pass_time(days=29)
    assert [payment.amount_minor for payment in shop.payments()] == [4_000, 1_000]


@pytest.mark.parametrize("verb", ["cancel", "keep", "pause", "resume", "card"])
def test_without_a_plan_nothing_can_be_done_with_it(shop: PlanShop, verb: str) -> None:
    assert shop.do(verb, saved_card="pm_none").status_code in (404, 422)


@pytest.mark.parametrize("verb", ["pause", "resume", "keep", "cancel"])
def test_after_its_end_nothing_can_be_done_with_a_plan(shop: PlanShop, verb: str) -> None:
    shop.subscribe("small")
    shop.do("cancel", when="now")

    assert shop.do(verb).status_code == 404


def test_what_does_not_fit_the_state_is_refused(shop: PlanShop) -> None:
    shop.subscribe("small")
    shop.do("pause")

    assert [shop.do(verb).status_code for verb in ("pause", "keep")] == [303, 409]
    assert shop.browser().get(f"{PAGE}/change", query_string={"plan": "large"}).status_code == 409
    assert shop.state() is State.PAUSED


def test_to_resume_with_a_card_that_is_declined_says_so_and_another_one_does(shop: PlanShop) -> None:
    shop.subscribe("taste", card="")
    shop.pass_time(days=8)

    shop.do("resume", saved_card=shop.save_card("pm_card_chargeCustomerFail"))
    assert shop.state() is State.PAUSED
    assert "the payment to resume it did not go through" in shop.page()
    assert "Pay with another card</" in shop.page()
    shop.do("card", saved_card=shop.save_card("pm_card_visa"))

    assert shop.state() is State.ACTIVE
    assert shop.balance() == 50


def test_a_card_that_can_be_none_is_refused_on_every_form(shop: PlanShop) -> None:
    assert shop.send(plan="small", saved_card="pm_\x00").status_code == 422
    shop.subscribe("small")

    assert shop.do("card", saved_card="pm_\x00").status_code == 422
    assert shop.do("card", saved_card="x" * 5_000).status_code == 422


def test_somebody_elses_card_pays_nothing(shop: PlanShop) -> None:
    shop.subscribe("small")
    shop.subscribe("small", owner="user:2")
    card = shop.save_card(owner="user:2")

    assert shop.do("card", saved_card=card).status_code == 422


def test_the_history_has_each_invoice_with_its_amount_state_and_pdf(shop: PlanShop) -> None:
    shop.subscribe("small")
    shop.pass_time(days=29)

    page = shop.page()
    assert page.count("/pdf") == 2
    assert page.count(">$10.00</td>") == 2
    path = page.split('href="http://127.0.0.1:12111')[1].split('"')[0]
    assert shop.stripe.browser().get(path).data.startswith(b"%PDF")


def test_a_plan_whose_month_was_refunded_for_a_fraud_warning_is_not_charged_again(
    databases: Databases,
    kind: str,
) -> None:
    shop = PlanShop(databases.fresh(kind), PREPAID_REFUND_FRAUD_WARNINGS=True)
    shop.subscribe("small", card=WARNS)
    shop.tick()
    assert shop.row().cancel_at == shop.row().period_end

    shop.pass_time(days=29)
    shop.tick()

    assert [payment.refunded_minor for payment in shop.payments()] == [1_000]
    assert (shop.state(), shop.balance()) == (State.CANCELED, 0)
    shop.close()


def test_a_plan_that_is_past_due_when_its_last_month_is_refunded_for_a_fraud_warning_ends(
    databases: Databases,
    kind: str,
) -> None:
    shop = PlanShop(databases.fresh(kind), PREPAID_REFUND_FRAUD_WARNINGS=True)
    shop.subscribe("small", card=WARNS)
    warned = shop.row().card_id
    assert warned is not None
    shop.v1.subscriptions.update(
        shop.stripe_id(), {"default_payment_method": shop.save_card("pm_card_chargeCustomerFail")}
    )
    shop.stripe.advance(days=29)
    assert shop.state() is State.PAST_DUE
    shop.v1.subscriptions.update(shop.stripe_id(), {"default_payment_method": warned})

    shop.tick()
    shop.pass_time(days=16)

    assert [payment.refunded_minor for payment in shop.payments()] == [1_000]
    assert (shop.state(), shop.balance()) == (State.CANCELED, 0)
    shop.close()


def refusing(databases: Databases, kind: str, what: str) -> tuple[Refusing, PlanShop]:
    """A shop that refunds what a bank warns of, and whose Stripe refuses one thing."""
    stripe = Refusing(what)
    shop = PlanShop(
        databases.fresh(kind),
        http_client=stripe,
        emulator=stripe.emulator,
        PREPAID_REFUND_FRAUD_WARNINGS=True,
    )
    return stripe, shop


def test_a_refund_for_a_fraud_warning_does_not_wait_for_a_plan_that_stripe_keeps(
    databases: Databases,
    kind: str,
) -> None:
    _, shop = refusing(databases, kind, "subscriptions/sub_")
    shop.subscribe("small", card=WARNS)

    shop.tick()

    assert [payment.refunded_minor for payment in shop.payments()] == [1_000]
    assert shop.row().cancel_at is None
    shop.close()


def test_a_plan_that_its_customer_keeps_is_not_ended_by_the_next_try_of_the_refund(
    databases: Databases,
    kind: str,
) -> None:
    stripe, shop = refusing(databases, kind, "refunds")
    shop.subscribe("small", card=WARNS)
    shop.tick()
    assert shop.row().cancel_at is not None

    shop.do("keep")
    stripe.on = False
    shop.pass_time(hours=1)
    shop.tick()

    assert [payment.refunded_minor for payment in shop.payments()] == [1_000]
    assert shop.row().cancel_at is None
    shop.close()


def test_a_page_that_was_open_for_long_resumes_and_pays_nothing_that_it_did_not_show(shop: PlanShop) -> None:
    shop.subscribe("small")
    shop.do("pause")
    shop.pass_time(days=27)
    open_page = fields_of(shop.page(), f"{PAGE}/resume")
    assert open_page["max_minor"] == "0"
    shop.pass_time(days=2)

    answer = shop.send("/resume", **open_page)

    assert answer.status_code == 409
    assert "It costs more now than was shown. Nothing is charged yet" in answer.text
    assert len(shop.charges()) == 1
    assert shop.send("/resume", **fields_of(words(answer.text), f"{PAGE}/resume")).status_code == 303
    assert [charge.amount for charge in shop.charges()] == [1_000, 1_000]


def test_a_card_chosen_on_a_page_that_showed_no_debt_pays_none(shop: PlanShop) -> None:
    shop.subscribe("small")
    good = shop.save_card("pm_card_mastercard")
    open_page = fields_of(shop.page(), f"{PAGE}/card")
    fail_next(shop)
    shop.pass_time(days=29)

    answer = shop.send("/card", **{**open_page, "saved_card": good})

    assert answer.status_code == 409
    assert len(shop.charges()) == 1
    assert (
        shop.send("/card", **fields_of(words(answer.text), f"{PAGE}/card"), saved_card=good).status_code
        == 303
    )
    assert len(shop.charges()) == 2


def fields_of(page: str, address: str) -> dict[str, str]:
    """The hidden fields of a page's form."""
    form = next(form for form in page.split("<form ")[1:] if f'action="{address}"' in form.split(">")[0])
    return hidden_fields(form.split("</form>")[0])
