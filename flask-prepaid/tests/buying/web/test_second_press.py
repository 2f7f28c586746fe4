"""A form that is pressed twice, as by a double click: the second press is answered as the first one was."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import URL
from werkzeug.test import TestResponse

from flask_prepaid import Operator, Operators, Role
from flask_prepaid.outbox.webhooks import endpoints
from flask_prepaid.testing import Databases

from ..shop import at_once
from ..subscriptions.plan_shop import PAGE, PlanShop

#: Where a form is sent, and what it sends.
Press = tuple[str, dict[str, str]]


@pytest.fixture
def shop(databases: Databases, kind: str) -> PlanShop:
    """A shop whose customers may all look after it, and have webhooks on this machine."""
    database: URL = databases.fresh(kind)
    operators = Operators(current=lambda: Operator("olga", Role.ADMIN))
    return PlanShop(database, operators=operators, PREPAID_LOCAL_WEBHOOKS=True)


def removes_an_alert(shop: PlanShop) -> Press:
    alert = shop.read(lambda: shop.prepaid.set_alert("user:1", "balance", 5).id)
    return f"/prepaid/alerts/{alert}/remove", {}


def removes_an_endpoint(shop: PlanShop) -> Press:
    endpoint = shop.read(lambda: endpoints.add(shop.prepaid, "user:1", "http://127.0.0.1:9/").id)
    return f"/prepaid/endpoints/{endpoint}/remove", {}


def removes_a_card(shop: PlanShop) -> Press:
    return f"/prepaid/cards/{shop.keep_card()}/remove", {}


def removes_the_card_of_auto_top_up(shop: PlanShop) -> Press:
    card = shop.keep_card()
    on = {"pack": "starter", "threshold": "20", "times": "1"}
    shop.send_form(shop.browser(), "/prepaid/cards", to="/prepaid/cards/top-up", **on)
    return f"/prepaid/cards/{card}/remove", {"sure": "1"}


def pauses_the_plan(shop: PlanShop) -> Press:
    shop.subscribe("small")
    return f"{PAGE}/pause", {}


def resumes_the_plan(shop: PlanShop) -> Press:
    shop.subscribe("small")
    shop.do("pause")
    return f"{PAGE}/resume", {}


def changes_to_a_larger_plan(shop: PlanShop) -> Press:
    shop.subscribe("small")
    return f"{PAGE}/change", shop.preview("large")[1]


def changes_to_a_smaller_plan(shop: PlanShop) -> Press:
    shop.subscribe("large")
    return f"{PAGE}/change", shop.preview("small")[1]


def ends_the_plan_now(shop: PlanShop) -> Press:
    shop.subscribe("small")
    return f"{PAGE}/cancel", {"when": "now"}


def ends_a_customers_plan_now(shop: PlanShop) -> Press:
    shop.subscribe("small")
    return "/prepaid/admin/plan", {"owner": "user:1", "do": "cancel-now", "reason": "by telephone"}


def makes_a_code(shop: PlanShop) -> Press:
    return "/prepaid/admin/codes/make", {
        "code": "MAY",
        "credits": "5",
        "reason": "spring",
        "attempt": "a" * 20,
    }


#: What each says when it is done.
FORMS: dict[Callable[[PlanShop], Press], str] = {
    removes_an_alert: "That alert is gone.",
    removes_an_endpoint: "The endpoint is gone.",
    removes_a_card: "The card is removed",
    removes_the_card_of_auto_top_up: "The card is removed",
    pauses_the_plan: "Your plan is paused: it does not renew.",
    resumes_the_plan: "Your plan is resumed.",
    changes_to_a_larger_plan: "Your plan is Large now.",
    changes_to_a_smaller_plan: "28 February 2026</time> it changes to Small.",
    ends_the_plan_now: "Your plan has ended. Nothing more is charged.",
    ends_a_customers_plan_now: "The plan has ended.",
    makes_a_code: "MAY gives 5 credits to whoever redeems it.",
}


def tabs(shop: PlanShop, count: int) -> tuple[list[FlaskClient], str]:
    """So many browsers with the cookie that one had when its page was shown, and the page's token."""
    first = shop.browser()
    token = re.search(r'name="csrf_token" value="([^"]+)"', first.get("/prepaid/buy").text)
    cookie = first.get_cookie("session")
    assert token is not None
    assert cookie is not None
    browsers = [shop.browser() for _ in range(count)]
    for browser in browsers:
        browser.set_cookie("session", cookie.value)
    return browsers, token[1]


def seen(browser: FlaskClient, answer: TestResponse) -> tuple[int, str | None, str]:
    """The status, where the answer leads, and what is read there."""
    page = browser.get(answer.location) if answer.location else answer
    return answer.status_code, answer.location, page.text


@pytest.mark.parametrize("doing", FORMS, ids=lambda doing: doing.__name__)
def test_the_second_press_is_answered_as_the_first_one(
    shop: PlanShop, doing: Callable[[PlanShop], Press]
) -> None:
    path, fields = doing(shop)
    browsers, token = tabs(shop, 2)

    first, second = (
        seen(browser, browser.post(path, data={"csrf_token": token, **fields})) for browser in browsers
    )

    assert first[0] == 303
    assert FORMS[doing] in first[2]
    assert second[:2] == first[:2]
    assert FORMS[doing] in second[2]
    assert shop.audit() == []


@pytest.mark.each_database
@pytest.mark.parametrize(
    "doing", [removes_an_alert, removes_an_endpoint, removes_a_card], ids=lambda doing: doing.__name__
)
def test_of_presses_at_once_none_is_refused(shop: PlanShop, doing: Callable[[PlanShop], Press]) -> None:
    path, fields = doing(shop)
    browsers, token = tabs(shop, 3)

    answers = at_once(3, lambda number: browsers[number].post(path, data={"csrf_token": token, **fields}))

    assert [answer.status_code for answer in answers] == [303] * 3
    assert FORMS[doing] in seen(browsers[0], answers[0])[2]


def test_a_plan_that_ended_long_ago_is_not_ended_again(shop: PlanShop) -> None:
    shop.subscribe("small")
    shop.do("cancel", when="now")
    shop.stripe.advance(minutes=2)

    answer = shop.send("/cancel", when="now")

    assert answer.status_code == 404
    assert "You have no plan" in answer.text


def test_a_form_of_another_wish_is_no_second_press(shop: PlanShop) -> None:
    """Whoever resumes with another card, or makes a code of the same name for another reason, is told."""
    shop.subscribe("small")
    card = shop.save_card("pm_card_mastercard")

    resumed = shop.send("/resume", saved_card=card)
    path, fields = makes_a_code(shop)
    shop.send_form(shop.browser(), "/prepaid/buy", to=path, **fields)
    browser = shop.browser()
    made = shop.send_form(browser, "/prepaid/buy", to=path, **{**fields, "reason": "autumn"})

    assert resumed.status_code == 409
    assert "There is a code MAY already: it is active." in browser.get(made.location).text
