"""What follows a free trial, as its mail and the plan's page say it, and as it then comes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

import pytest

from flask_prepaid.subscriptions.models import State
from flask_prepaid.testing import Databases

from .plan_shop import PlanShop, one_line

DAY = 86_400


class WritingShop(PlanShop):
    """A shop that keeps what it writes to its customers."""

    def __init__(self, databases: Databases) -> None:
        self.texts: list[str] = []
        self.mail_is_away = False
        super().__init__(
            databases.fresh("sqlite"),
            PREPAID_BASE_URL="https://shop.example",
            PREPAID_RECEIPTS=False,
            email=lambda owner: f"{owner}@shop.example",
            mail=self.keep_mail,
        )

    def keep_mail(self, address: str, subject: str, text: str) -> None:
        if self.mail_is_away:
            raise ConnectionRefusedError
        self.texts.append(f"{subject}\n{text}")

    def change_in_dashboard(self, **change: Any) -> None:
        """Somebody changes the subscription in Stripe's dashboard."""
        self.v1.subscriptions.update(self.stripe_id(), cast(Any, change))
        self.stripe.deliver()

    def end_as(self, without_card: str) -> None:
        """A trial without a card, which is to end so."""
        self.subscribe("taste", card="")
        self.change_in_dashboard(trial_settings={"end_behavior": {"missing_payment_method": without_card}})


@pytest.fixture
def shop(databases: Databases) -> Iterator[WritingShop]:
    shop = WritingShop(databases)
    yield shop
    shop.close()


def end_later(shop: WritingShop) -> None:
    shop.subscribe("trial")
    shop.change_in_dashboard(cancel_at=shop.stripe.now() + 90 * DAY)


def end_with_it(shop: WritingShop) -> None:
    shop.subscribe("trial")
    shop.do("cancel")


def stop_until_the_day_before(shop: WritingShop) -> None:
    shop.subscribe("trial")
    shop.change_in_dashboard(
        pause_collection={"behavior": "void", "resumes_at": shop.stripe.now() + 13 * DAY}
    )


def stop(shop: WritingShop, **until: int) -> None:
    shop.change_in_dashboard(pause_collection={"behavior": "void", **until})


def stop_for_good(shop: WritingShop) -> None:
    shop.subscribe("trial")
    stop(shop)


def stop_for_long(shop: WritingShop) -> None:
    shop.subscribe("trial")
    shop.change_in_dashboard(
        pause_collection={"behavior": "void", "resumes_at": shop.stripe.now() + 60 * DAY}
    )


def pay_by_direct_debit(shop: WritingShop, **more: Any) -> None:
    shop.subscribe("taste", card="")
    details: Any = {
        "type": "sepa_debit",
        "sepa_debit": {"iban": "DE89370400440532013000"},
        "billing_details": {"name": "Pat", "email": "pat@example.com"},
    }
    debit = shop.v1.payment_methods.create(details)
    customer = cast(str, shop.v1.subscriptions.retrieve(shop.stripe_id()).customer)
    shop.v1.payment_methods.attach(debit.id, {"customer": customer})
    shop.change_in_dashboard(default_payment_method=debit.id, **more)


def pay_by_direct_debit_until_it_ends(shop: WritingShop) -> None:
    pay_by_direct_debit(shop, cancel_at=shop.stripe.now() + 90 * DAY)


@dataclass(frozen=True)
class Trial:
    """A trial that stands so; a sentence of its mail, one of its page, and what comes when it ends.

    ``is_to_charge``: the mail names the day of the first charge.
    """

    begin: Callable[[WritingShop], None]
    mail: str
    page: str
    days: int
    state: State
    charged: list[int]
    is_to_charge: bool = False


FREE = "Your free trial runs until 14 February 2026. Nothing is charged before."
TASTE = "Your free trial runs until 7 February 2026. Nothing is charged before."
STOPPED = "We have stopped the payments of your plan"

TRIALS = {
    "it ends months later": Trial(
        end_later,
        "Then the plan goes on until 1 May 2026, and is charged.",
        f"{FREE} The plan ends on 1 May 2026, and renews until then.",
        14,
        State.ACTIVE,
        [2_000],
        True,
    ),
    "it ends with the trial": Trial(
        end_with_it,
        "The plan ends with your free trial. Nothing is charged.",
        "Your free trial ends on 14 February 2026, and the plan with it. Nothing is charged.",
        14,
        State.CANCELED,
        [],
    ),
    "payments are stopped until the day before": Trial(
        stop_until_the_day_before,
        "Then the plan goes on, and your card pays it until you cancel.",
        FREE,
        14,
        State.ACTIVE,
        [2_000],
        True,
    ),
    "payments are stopped": Trial(
        stop_for_good,
        f"{STOPPED}. A period that begins meanwhile is not charged",
        f"{STOPPED}. ",
        14,
        State.ACTIVE,
        [],
    ),
    "payments are stopped for long": Trial(
        stop_for_long,
        f"{STOPPED} until 1 April 2026.",
        f"{STOPPED} until 1 April 2026.",
        14,
        State.ACTIVE,
        [],
    ),
    "a direct debit pays": Trial(
        pay_by_direct_debit,
        "Then the plan goes on, and is charged until you cancel.",
        f"{TASTE}</p>",
        7,
        State.PAST_DUE,
        [],
        True,
    ),
    "a direct debit pays until it ends": Trial(
        pay_by_direct_debit_until_it_ends,
        "Then the plan goes on until 1 May 2026, and is charged.",
        f"{TASTE} The plan ends on 1 May 2026, and renews until then.",
        7,
        State.PAST_DUE,
        [],
        True,
    ),
    "nothing pays, and it is paused": Trial(
        lambda shop: shop.end_as("pause"),
        "Add one by 7 February 2026, 12:00 (UTC): without it nothing is charged, and your plan is paused.",
        f"{TASTE} Add a card by then, or the plan is paused.",
        7,
        State.PAUSED,
        [],
    ),
    "nothing pays, and it ends": Trial(
        lambda shop: shop.end_as("cancel"),
        "Add one by 7 February 2026, 12:00 (UTC): without it nothing is charged, and your plan ends.",
        f"{TASTE} Add a card by then, or the plan ends.",
        7,
        State.CANCELED,
        [],
    ),
    "nothing pays, and it owes": Trial(
        lambda shop: shop.end_as("create_invoice"),
        "You have no card on file. Add one by 7 February 2026, 12:00 (UTC): then the plan goes on, and its "
        "first payment is due.",
        f"{TASTE} Add a card by then: the first payment is due that day.",
        7,
        State.PAST_DUE,
        [],
    ),
}


@pytest.mark.parametrize("name", TRIALS)
def test_the_mail_and_the_page_say_of_a_trial_what_then_comes(shop: WritingShop, name: str) -> None:
    trial = TRIALS[name]
    trial.begin(shop)
    shop.pass_time(days=trial.days - 3, minutes=5)

    (text,) = shop.texts
    assert trial.mail in one_line(text)
    assert (" a month, from " in text) is trial.is_to_charge
    assert trial.page in one_line(shop.page())
    shop.pass_time(days=4)

    assert (shop.state(), [charge.amount for charge in shop.charges()]) == (trial.state, trial.charged)


def test_a_mail_about_a_trial_that_was_ended_before_it_was_written_says_so(shop: WritingShop) -> None:
    shop.subscribe("trial")
    shop.mail_is_away = True
    shop.pass_time(days=11, minutes=5)

    shop.do("cancel", when="now")
    shop.mail_is_away = False
    shop.pass_time(hours=1)

    (text,) = shop.texts
    assert text.startswith("Your plan Tried has ended\nNothing more is charged.")
    assert "a month" not in text
