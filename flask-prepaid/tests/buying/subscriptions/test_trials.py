"""Free first, once: with a card that is charged afterwards, or without one."""

from __future__ import annotations

import re

from sqlalchemy import select

from flask_prepaid import signals
from flask_prepaid.payments.models import TrialCard
from flask_prepaid.subscriptions.models import CARD_HAD_TRIAL, State
from flask_prepaid.testing import Databases

from .plan_shop import PAGE, PlanShop, one_line


def test_a_trial_gives_its_credits_and_charges_nothing(shop: PlanShop) -> None:
    assert "14 days free first, with 20 credits" in shop.page()

    shop.subscribe("trial", trial="1")

    assert shop.state() is State.TRIALING
    assert shop.entries() == [("grant", 20)]
    page = shop.page()
    assert "Your free trial runs until 14 February 2026. Nothing is charged before." in page
    assert "Credits of the trial last until 17 February 2026." in page
    assert "Next charge: <strong>$20.00</strong> on 14 February 2026" in page


def test_a_trial_that_begins_says_what_it_gave_and_what_is_charged_when(shop: PlanShop) -> None:
    session = shop.choose("trial", trial="1")
    shop.stripe.pay(session)

    page = one_line(shop.browser().get(PAGE, query_string={"session_id": session}).text)

    assert (
        "Thank you. Your free trial of Tried has begun: 20 credits added. "
        "Then $20.00 a month, from 14 February 2026 on. Cancel before, and nothing is charged."
    ) in page
    assert "Visa 4242 pays." in page
    assert "Thank you" not in shop.page()


def test_a_trial_without_a_card_asks_for_one_by_its_largest_button(shop: PlanShop) -> None:
    shop.subscribe("taste", card="")

    page = one_line(shop.page())

    assert "With a card, the first charge is <strong>$6.00</strong> on 7 February 2026." in page
    assert "Next charge" not in page
    assert ">Invoices</h2>" not in page, "it has cost nothing"
    assert re.search(r'class="btn btn-primary">Add a card<', page), page
    shop.do("cancel", when="end")
    assert not re.search(r'class="btn btn-primary">Add a card<', shop.page())


def test_when_the_trial_ends_the_first_month_is_paid(shop: PlanShop) -> None:
    shop.subscribe("trial")

    shop.pass_time(days=14, hours=2)

    assert shop.state() is State.ACTIVE
    assert shop.entries() == [("grant", 20), ("allowance", 200)]
    assert [invoice.total_minor for invoice in shop.invoices()] == [0, 2_000]


def test_the_card_that_pays_after_a_trial_is_chosen_during_it(shop: PlanShop) -> None:
    shop.subscribe("trial")
    other = shop.save_card("pm_card_mastercard")
    assert "Use this card" in shop.page()

    shop.do("card", saved_card=other)
    assert shop.state() is State.TRIALING
    shop.pass_time(days=14, hours=2)

    assert [charge.payment_method for charge in shop.charges()] == [other]
    assert shop.state() is State.ACTIVE


def test_the_credits_of_a_trial_end_after_it(shop: PlanShop) -> None:
    shop.subscribe("trial")

    shop.pass_time(days=14 + 3, hours=1)

    assert shop.balance() == 200


def test_the_credits_of_a_trial_that_the_dashboard_makes_longer_last_as_long(shop: PlanShop) -> None:
    shop.subscribe("trial")
    shop.spend(5)
    end = shop.stripe.now() + 30 * 86_400
    shop.v1.subscriptions.update(shop.stripe_id(), {"trial_end": end})
    shop.stripe.deliver()
    assert shop.balance() == 15

    shop.spend(2)
    shop.pass_time(days=29)
    assert "Your free trial runs until 2 March 2026" in shop.page()
    assert shop.balance() == 13
    shop.pass_time(days=5)

    assert shop.state() is State.ACTIVE
    assert shop.balance() == 200
    assert [kind for kind, _ in shop.entries()].count("grant") == 2, "given, and moved up once"


def test_the_credits_of_a_trial_that_the_dashboard_ends_lapse_after_the_grace(shop: PlanShop) -> None:
    shop.subscribe("trial")
    shop.v1.subscriptions.update(shop.stripe_id(), {"trial_end": "now"})
    shop.stripe.deliver()
    assert shop.balance() == 220

    shop.pass_time(days=3, hours=1)

    assert shop.balance() == 200


def test_a_second_trial_is_refused_and_the_plan_can_be_paid(shop: PlanShop) -> None:
    shop.subscribe("trial")
    shop.do("cancel", when="now")

    assert "This plan has no free trial." in shop.send(plan="small", trial="1").text
    assert "This plan can be taken once at a time." in shop.send(plan="small", quantity="2").text
    again = shop.send(plan="trial", trial="1")
    assert again.status_code == 409
    assert "You have had your free trial" in again.text
    shop.subscribe("trial")

    assert shop.state() is State.ACTIVE
    assert shop.balance() == 220


def test_a_second_trial_is_refused_of_another_plan_too(shop: PlanShop) -> None:
    shop.subscribe("taste", card="")
    shop.do("cancel", when="now")

    assert "free first" not in shop.page()
    session = shop.choose("trial")

    assert shop.v1.checkout.sessions.retrieve(session).amount_total == 2_000


def test_a_host_says_who_may_try(databases: Databases, kind: str) -> None:
    shop = PlanShop(databases.fresh(kind), trial=lambda owner: owner == "user:1")

    assert "14 days free first" in shop.page("user:1")
    assert "free first" not in shop.page("user:2")
    assert shop.send(owner="user:2", plan="trial", trial="1").status_code == 409
    shop.subscribe("trial", owner="user:2")

    assert shop.state("user:2") is State.ACTIVE
    shop.close()


def test_a_card_that_has_begun_a_trial_begins_no_other_ones(shop: PlanShop) -> None:
    assert "14 days free first, with 20 credits. It is once for each card." in shop.page()
    shop.subscribe("trial", trial="1")

    shop.subscribe("trial", owner="user:2", trial="1")
    assert shop.state("user:2") is State.CANCELED
    assert shop.entries("user:2") == []
    page = shop.page("user:2")
    assert "that card has had one, in another account. Nothing was charged." in page
    assert "free first" not in page
    shop.subscribe("trial", owner="user:3", trial="1", card="5555555555554444")
    assert shop.state("user:3") is State.TRIALING

    shop.subscribe("trial", owner="user:2")
    assert shop.state("user:2") is State.ACTIVE
    assert [invoice.total_minor for invoice in shop.invoices("user:2")] == [0, 2_000]
    assert shop.state("user:1") is State.TRIALING


def test_who_has_such_a_card_on_file_is_offered_no_trial(shop: PlanShop) -> None:
    shop.subscribe("trial")
    shop.subscribe("small", owner="user:2")
    shop.do("cancel", owner="user:2", when="now")
    card = shop.save_card(owner="user:2")

    assert "free first" not in shop.page("user:2")
    refused = shop.send(owner="user:2", plan="trial", trial="1", saved_card=card)
    assert refused.status_code == 409
    assert "a card of yours has begun one" in refused.text
    shop.send(owner="user:2", plan="trial", saved_card=card)

    assert shop.state("user:2") is State.ACTIVE


def test_a_card_whose_owner_has_left_begins_no_other_trial(shop: PlanShop) -> None:
    shop.subscribe("trial")
    shop.read(lambda: shop.prepaid.remove_customer("user:1"))
    shop.stripe.deliver()
    kept = select(TrialCard.owner)
    assert shop.read(lambda: shop.prepaid.session.scalars(kept).all()) == [""], "not whose it was"

    shop.subscribe("trial", owner="user:2", trial="1")

    assert shop.state("user:2") is State.CANCELED


def give_card(shop: PlanShop, owner: str) -> None:
    """Let the plan be paid by the card that everybody has."""
    card = shop.save_card(owner=owner)
    shop.v1.subscriptions.update(shop.stripe_id(owner), {"default_payment_method": card})
    shop.stripe.deliver()


def test_a_card_that_stripe_shows_a_moment_later_ends_the_trial_and_its_credits(shop: PlanShop) -> None:
    shop.subscribe("trial")
    shop.subscribe("trial", owner="user:2", card="5555555555554444", trial="1")
    assert (shop.state("user:2"), shop.balance("user:2")) == (State.TRIALING, 20)
    shop.change_subscriptions(card_id=None)  # as if it had not been told

    give_card(shop, "user:2")

    assert (shop.state("user:2"), shop.balance("user:2")) == (State.CANCELED, 0)


def test_a_card_that_is_added_in_a_trial_without_one_leaves_it_alone(shop: PlanShop) -> None:
    shop.subscribe("trial")
    shop.subscribe("taste", owner="user:2", card="", trial="1")

    give_card(shop, "user:2")

    assert shop.row("user:2").card_id is not None
    assert shop.state("user:2") is State.TRIALING


def test_a_trial_whose_end_was_begun_and_never_asked_for_is_ended_by_the_next_look(shop: PlanShop) -> None:
    """The worker was killed between its commit and Stripe."""
    session = shop.choose("trial", trial="1")
    shop.change_subscriptions(end_reason=CARD_HAD_TRIAL)
    shop.stripe.pay(session)

    shop.stripe.deliver()

    assert shop.state() is State.CANCELED
    assert shop.entries() == []
    assert "that card has had one" in shop.page()


def test_a_trial_that_the_dashboard_gives_is_left_alone_and_its_card_noted(shop: PlanShop) -> None:
    shop.subscribe("trial")
    for owner, card in (("user:2", "pm_card_visa"), ("user:3", "pm_card_mastercard")):
        shop.subscribe("small", owner=owner)
        price = shop.row(owner).price_id
        customer = str(shop.v1.subscriptions.retrieve(shop.stripe_id(owner)).customer)
        shop.do("cancel", owner=owner, when="now")
        given = shop.save_card(card, owner)
        shop.v1.subscriptions.create(
            {
                "customer": customer,
                "items": [{"price": price}],
                "trial_period_days": 30,
                "default_payment_method": given,
            }
        )
        shop.stripe.deliver()
        assert shop.state(owner) is State.TRIALING

    shop.subscribe("trial", owner="user:4", trial="1", card="5555555555554444")

    assert shop.state("user:4") is State.CANCELED


def test_a_host_lets_a_card_begin_as_many_trials_as_it_has_accounts(databases: Databases, kind: str) -> None:
    shop = PlanShop(databases.fresh(kind), PREPAID_TRIAL_PER_CARD=False)
    assert "once for each card" not in shop.page()

    for owner in ("user:1", "user:2"):
        shop.subscribe("trial", owner=owner, trial="1")

    assert shop.state("user:1") is shop.state("user:2") is State.TRIALING
    shop.close()


def test_a_trial_that_is_canceled_charges_nothing(shop: PlanShop) -> None:
    shop.subscribe("trial")

    shop.do("cancel", when="end")
    assert "Your free trial ends on 14 February 2026" in shop.page()
    shop.pass_time(days=20)

    assert shop.state() is State.CANCELED
    assert [invoice.total_minor for invoice in shop.invoices()] == [0]


def test_in_a_trial_the_plan_changes_at_once_and_free(shop: PlanShop) -> None:
    shop.subscribe("trial")
    page, _ = shop.preview("large")
    assert "<dt>Today</dt><dd>Nothing is charged</dd>" in page
    assert "$40.00 on 14 February 2026" in page

    shop.change("large")
    shop.pass_time(days=14, hours=2)

    assert [invoice.total_minor for invoice in shop.invoices()] == [0, 4_000]
    assert shop.entries() == [("grant", 20), ("allowance", 500)]


def test_in_a_trial_that_the_dashboard_gives_a_paid_plan_changes_free_and_keeps_its_credits(
    shop: PlanShop,
) -> None:
    shop.subscribe("seats", quantity="7")
    until = shop.stripe.now() + 20 * 86_400
    shop.v1.subscriptions.update(shop.stripe_id(), {"trial_end": until, "proration_behavior": "none"})
    shop.stripe.deliver()

    page, _ = shop.preview("large")
    assert "<dt>Today</dt><dd>Nothing is charged</dd>" in page
    assert "Your trial goes on." in page
    shop.change("large")

    assert shop.entries() == [("allowance", 70)]
    assert "Next charge: <strong>$40.00</strong> on 20 February 2026" in shop.page()
    shop.pass_time(days=21)
    assert [invoice.total_minor for invoice in shop.invoices()] == [1_050, 4_000]


def test_a_smaller_plan_begins_on_its_day_though_the_dashboard_has_moved_the_period(shop: PlanShop) -> None:
    shop.subscribe("yearly")
    shop.change("small")
    until = shop.stripe.now() + 20 * 86_400
    shop.v1.subscriptions.update(shop.stripe_id(), {"trial_end": until, "proration_behavior": "none"})
    shop.pass_time(days=40)

    page = shop.page()
    assert "On 31 January 2027 it changes to Small" in page
    assert "Next charge: <strong>$10.00</strong> on 31 January 2027" in page
    shop.pass_time(days=326)

    assert [invoice.total_minor for invoice in shop.invoices()] == [40_000, 40_000, 1_000]


def test_a_trial_without_a_card_is_paused_at_its_end_and_goes_on_with_one(shop: PlanShop) -> None:
    shop.subscribe("taste", card="")
    assert shop.state() is State.TRIALING
    assert "Add a card by then, or the plan is paused." in shop.page()

    shop.pass_time(days=8)
    assert shop.state() is State.PAUSED
    assert "Your trial has ended. Add a card, then resume the plan." in shop.page()
    assert re.search(r'class="btn btn-primary">Add a card<', shop.page())
    banner = "Your Taste plan is paused, and no card is on file. Add one to resume it."
    assert banner in shop.browser().get("/prepaid/billing").text
    assert shop.balance() == 0
    card = shop.save_card()
    assert "Resume and pay $6.00" in shop.page()
    assert banner not in shop.browser().get("/prepaid/billing").text
    shop.do("resume", saved_card=card)

    assert shop.state() is State.ACTIVE
    assert shop.balance() == 50


def test_the_host_hears_three_days_before_a_trial_ends(shop: PlanShop) -> None:
    heard: list[dict[str, object]] = []

    def hear(sender: object, **news: object) -> None:
        heard.append(news)

    with signals.trial_ending.connected_to(hear):
        shop.subscribe("trial")
        shop.pass_time(days=11, minutes=5)

    assert [news["owner"] for news in heard] == ["user:1"]


def test_the_button_says_what_it_begins(shop: PlanShop) -> None:
    page = shop.page()

    assert page.count(">Start free trial<") == 2
    assert page.count(">Subscribe<") == 3  # the yearly one stands behind the switch
    assert PAGE in page
