"""A day that was to come has passed, and Stripe has not told what followed: pages and mails say so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from flask_prepaid.testing import Databases

from ..subscriptions.plan_shop import PlanShop, words


class Late(PlanShop):
    """A shop that Stripe's events do not reach, and whose mail server is away, as long as ``is_cut_off``."""

    def __init__(self, databases: Databases) -> None:
        self.mails: list[tuple[str, str]] = []
        self.is_cut_off = False
        super().__init__(
            databases.fresh("sqlite"),
            PREPAID_BASE_URL="https://shop.example",
            email=lambda owner: "pat@shop.example",
            mail=self.send_mail,
        )

    def send_mail(self, address: str, subject: str, text: str) -> None:
        if self.is_cut_off:
            raise ConnectionRefusedError
        self.mails.append((subject, text))

    def cut_off(self) -> None:
        self.is_cut_off = True
        self.stripe.chaos(drop=1.0)

    def billing(self) -> str:
        return words(self.browser().get("/prepaid/billing").text)


@pytest.fixture
def late(databases: Databases) -> Iterator[Late]:
    shop = Late(databases)
    yield shop
    shop.close()


def test_a_plan_whose_renewal_nobody_has_heard_of_is_paid_until_no_day_that_has_passed(late: Late) -> None:
    late.subscribe()
    assert "paid until" in late.page()
    late.cut_off()

    late.stripe.advance(months=1, days=1)

    assert (
        "This period ended on 28 February 2026. We wait to hear from Stripe what follows it." in late.page()
    )
    assert "paid until" not in late.page()
    assert "Its period ended on 28\u00a0February\u00a02026; we wait to hear what follows." in late.billing()
    shown = late.command("show", "user:1").stdout
    assert "was paid until 2026-02-28" in shown


def test_a_trial_that_is_over_is_free_until_no_day_that_has_passed(late: Late) -> None:
    late.subscribe("trial", trial="1")
    assert "Free until" in late.billing()
    late.cut_off()

    late.stripe.advance(days=15)

    assert "Nothing is charged before" not in late.page()
    assert "Free until" not in late.billing()
    assert "ended on 14 February 2026" in late.page()


def test_an_end_and_a_smaller_plan_that_were_to_come_are_said_as_what_was_to_be(late: Late) -> None:
    late.subscribe("large")
    late.change("small")
    assert "On 28 February 2026 it changes to Small." in late.page()
    late.cut_off()

    late.stripe.advance(months=1, days=1)

    assert "It was to change to Small on 28 February 2026." in late.page()


def test_nobody_may_end_a_plan_with_a_period_that_is_over(late: Late) -> None:
    late.subscribe()
    assert "Cancel on 28 February 2026" in words(late.browser().get("/prepaid/plan/cancel").text)
    late.cut_off()

    late.stripe.advance(months=1, days=1)

    assert "Cancel on" not in words(late.browser().get("/prepaid/plan/cancel").text)


def test_a_card_that_has_expired_expires_soon_no_more(late: Late) -> None:
    late.keep_card()
    now = late.now()
    printed: Any = {"exp_month": now.month, "exp_year": now.year}
    late.v1.payment_methods.update(late.saved_card(), {"card": printed})
    late.stripe.deliver()
    pages = ("/prepaid/billing", "/prepaid/cards")
    assert all("expires soon" in late.browser().get(path).text for path in pages)
    late.is_cut_off = True
    late.tick()

    late.stripe.advance(days=1)
    late.is_cut_off = False
    late.tick()

    for path in pages:
        page = late.browser().get(path).text
        assert "expired" in page, path
        assert "expires" not in page, path
    shelf = late.browser().get("/prepaid/buy").text
    assert "expired 01/2026" in shelf
    assert 'value="" data-card="" checked' in shelf, "another card is chosen"
    ((subject, text),) = late.mails
    assert subject == "Your Visa ending in 4242 has expired"
    assert "expired at the end of 01/2026" in text


def test_a_mail_that_was_late_says_what_has_passed(late: Late) -> None:
    late.subscribe("trial", trial="1")
    late.is_cut_off = True
    late.stripe.advance(days=11)

    late.stripe.advance(days=4)
    late.is_cut_off = False
    late.tick()

    subjects = [subject for subject, _ in late.mails]
    assert "Your free trial ended on 14 February 2026" in subjects


def test_a_late_mail_about_a_trial_whose_plan_was_ended_says_that_it_has_ended(late: Late) -> None:
    late.subscribe("trial", trial="1")
    late.is_cut_off = True
    late.stripe.advance(days=11, minutes=5)
    late.tick()
    late.do("cancel", when="now")

    late.stripe.advance(hours=2)
    late.is_cut_off = False
    late.tick()

    (text,) = [text for subject, text in late.mails if subject == "Your plan Tried has ended"]
    assert text.startswith("Nothing more is charged.")
    assert not any(subject.startswith("Your free trial") for subject, _ in late.mails)


def test_credits_set_aside_past_their_end_last_until_no_day_that_has_passed(late: Late) -> None:
    def give_and_hold() -> None:
        until = late.now() + timedelta(minutes=10)
        late.prepaid.grant("user:1", 5, key="gift", reason="a gift", expires_at=until)
        late.prepaid.session.commit()
        late.prepaid.hold("user:1", credits=2, key="job")

    late.read(give_and_hold)
    assert "given to you: until 31 January 2026" in late.billing()

    late.stripe.advance(minutes=20)

    assert "2 credits given to you: set aside for work that is not done yet" in late.billing()
