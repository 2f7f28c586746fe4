"""What a customer is told by mail about a plan, and a host in code."""

from __future__ import annotations

import pytest
from sqlalchemy import URL

from flask_prepaid import signals

from .plan_shop import ASKS_ALWAYS, DECLINES, PlanShop

Mails = list[tuple[str, str, str]]


@pytest.fixture
def mails() -> Mails:
    """What was written: address, subject, text."""
    return []


@pytest.fixture
def writing_shop(database: URL, mails: Mails) -> PlanShop:
    """A shop that writes to its customers."""
    return PlanShop(
        database,
        PREPAID_BASE_URL="https://shop.example",
        PREPAID_RECEIPTS=False,
        email=lambda owner: f"{owner}@shop.example",
        mail=lambda *mail: mails.append(mail),
    )


def test_a_failed_renewal_is_written_with_the_page_that_mends_it(
    writing_shop: PlanShop, mails: Mails
) -> None:
    writing_shop.subscribe("small", card=ASKS_ALWAYS)
    writing_shop.pass_time(days=29)

    assert [subject for _, subject, _ in mails] == ["Your Small plan: $10.00 was not paid"]
    address, _, text = mails[0]
    assert address == "user:1@shop.example"
    assert "/invoice/in_" in text
    assert "https://shop.example/prepaid/plan" in text
    writing_shop.close()


def test_a_plan_that_ended_after_all_retries_says_so_once(writing_shop: PlanShop, mails: Mails) -> None:
    heard: list[dict[str, object]] = []

    def hear(sender: object, **news: object) -> None:
        heard.append(news)

    with signals.plan_ended_unpaid.connected_to(hear):
        writing_shop.subscribe("trial", card=DECLINES)
        writing_shop.pass_time(days=14 + 16)
        writing_shop.drift("--fix")

    assert [(news["owner"], news["title"]) for news in heard] == [("user:1", "Tried")]
    subjects = [subject for _, subject, _ in mails]
    assert subjects.count("Your plan Tried has ended") == 1
    assert "So the plan ended on " in mails[-1][2]
    assert "https://shop.example/prepaid/plan" in mails[-1][2]
    writing_shop.close()


def test_a_plan_that_its_customer_ended_is_not_called_unpaid(writing_shop: PlanShop, mails: Mails) -> None:
    writing_shop.subscribe("small")
    writing_shop.do("cancel", when="now")

    assert mails == []
    writing_shop.close()


def test_the_end_of_a_trial_is_written_three_days_before(writing_shop: PlanShop, mails: Mails) -> None:
    writing_shop.subscribe("trial")
    writing_shop.pass_time(days=11, minutes=5)

    ((_, subject, text),) = mails
    assert subject == "Your free trial ends on 14 February 2026"
    for row in (
        "Plan: Tried",
        "Price: $20.00 a month, from 14 February 2026, 12:00 (UTC)",
        "Card: Visa ending in 4242",
    ):
        assert row in text
    writing_shop.close()


def test_the_end_of_a_trial_that_is_canceled_charges_nothing(writing_shop: PlanShop, mails: Mails) -> None:
    writing_shop.subscribe("trial")
    writing_shop.do("cancel")
    writing_shop.pass_time(days=11, minutes=5)

    ((_, subject, text),) = mails
    assert subject == "Your free trial ends on 14 February 2026"
    assert "The plan ends with your free trial. Nothing is charged." in text
    assert "a month" not in text
    writing_shop.close()


def test_a_host_reads_how_a_plan_stands(shop: PlanShop) -> None:
    assert shop.read(lambda: shop.prepaid.plan("user:1")) is None
    shop.choose("small")
    assert shop.read(lambda: shop.prepaid.plan("user:1")) is None
    shop.subscribe("seats", quantity="3")

    plan = shop.read(lambda: shop.prepaid.plan("user:1"))

    assert (plan.slug, plan.title, plan.quantity, plan.state) == ("seats", "Seats", 3, "active")
    assert f"{plan.paid_until:%Y-%m-%d}" == "2026-02-28"
    assert plan.ends_at is None
