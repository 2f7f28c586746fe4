"""A price that changes while its page is open is charged to no card before it was shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import URL
from werkzeug.test import TestResponse

from flask_prepaid import Pack, Plan, PriceTier, Quantity
from flask_prepaid.catalog import Catalog
from flask_prepaid.testing import Databases

from ..shop import PACKS, QUANTITY
from ..subscriptions.plan_shop import PAGE, PLANS, PlanShop, hidden_fields, one_line
from ..web.test_api import App

PRESS_AGAIN = "Nothing is charged yet: press again if you want it."


@pytest.fixture
def shop(databases: Databases, kind: str) -> PlanShop:
    database: URL = databases.fresh(kind)
    return PlanShop(database)


def reprice(shop: PlanShop, item: Pack | Plan | Quantity) -> None:
    """What a deploy does that has another price list."""

    def with_it(items: Sequence[Any]) -> list[Any]:
        return [item if each.slug == getattr(item, "slug", None) else each for each in items]

    quantity = item if isinstance(item, Quantity) else QUANTITY
    shop.prepaid.catalog = Catalog(with_it(PACKS), quantity, with_it(PLANS))


def press(shop: PlanShop, path: str, shown: str, **choice: str) -> TestResponse:
    """Send the form of a page that was shown, to where it leads."""
    return shop.send_form(shop.browser(), "/prepaid/buy", to=path, **{**hidden_fields(shown), **choice})


def charged(shop: PlanShop) -> list[int]:
    return [charge.amount for charge in shop.charges()][::-1]


@pytest.mark.parametrize(
    ("new", "words"),
    [
        (Pack("starter", credits=100, amount_minor=5_000), "100 credits for $50.00"),
        (Pack("starter", credits=10, amount_minor=500), "10 credits for $5.00"),
    ],
)
def test_a_pack_is_charged_at_the_price_that_its_page_showed(shop: PlanShop, new: Pack, words: str) -> None:
    card, browser = shop.keep_card(), shop.browser()
    page = browser.get("/prepaid/buy").text
    reprice(shop, new)

    refused = press(shop, "/prepaid/buy", page, pack="starter", saved_card=card)
    assert refused.status_code == 422
    assert f"It is {words} now. {PRESS_AGAIN}" in one_line(refused.text)
    assert charged(shop) == []

    # Of another pack nothing has changed.
    assert press(shop, "/prepaid/buy", page, pack="bonus", saved_card=card).status_code == 303
    assert press(shop, "/prepaid/buy", refused.text, pack="starter", saved_card=card).status_code == 303
    assert charged(shop) == [1_000, new.amount_minor]


def test_a_number_of_credits_is_charged_at_the_price_that_its_page_showed(shop: PlanShop) -> None:
    card, page = shop.keep_card(), shop.browser().get("/prepaid/buy").text
    choice = {"pack": "", "credits": "10", "saved_card": card}
    reprice(shop, Quantity((PriceTier(1, 200),)))

    refused = press(shop, "/prepaid/buy", page, **choice)
    assert "It is 10 credits for $20.00 now." in one_line(refused.text)
    assert charged(shop) == []
    assert press(shop, "/prepaid/buy", refused.text, **choice).status_code == 303
    assert charged(shop) == [2_000]


@pytest.mark.parametrize(
    ("new", "words"),
    [
        (Plan("small", credits=100, amount_minor=9_900, name="Small"), "100 credits for $99.00"),
        (Plan("small", credits=10, amount_minor=1_000, name="Small"), "10 credits for $10.00"),
        (replace(PLANS[0], interval="year"), "100 credits for $10.00"),
    ],
)
def test_a_plan_is_charged_at_the_price_that_its_page_showed(shop: PlanShop, new: Plan, words: str) -> None:
    card = shop.keep_card()
    shown = card_of(shop.browser().get(PAGE).text, "small")
    reprice(shop, new)

    refused = press(shop, PAGE, shown, plan="small", saved_card=card)
    assert refused.status_code == 422
    assert f"It is {words} now. {PRESS_AGAIN}" in one_line(refused.text)
    assert charged(shop) == []
    assert press(shop, PAGE, card_of(refused.text, "small"), plan="small", saved_card=card).status_code == 303
    assert charged(shop) == [new.amount_minor]


def card_of(page: str, plan: str) -> str:
    """The form of one plan."""
    forms = [form.split("</form>")[0] for form in page.split("<form ")]
    return next(form for form in forms if f'name="plan" value="{plan}"' in form)


def test_a_smaller_plan_does_not_begin_later_at_a_price_that_was_not_shown(shop: PlanShop) -> None:
    shop.subscribe("large")
    _, form = shop.preview("small")
    reprice(shop, Plan("small", credits=100, amount_minor=9_900, name="Small"))

    refused = shop.send("/change", **form)
    assert refused.status_code == 422
    assert "It is 100 credits for $99.00 now." in one_line(refused.text)
    shop.pass_time(days=28, hours=2)
    assert charged(shop) == [4_000, 4_000]


def test_a_larger_plan_gives_the_credits_that_its_preview_showed(shop: PlanShop) -> None:
    shop.subscribe("small")
    shop.pass_time(days=14)
    _, form = shop.preview("large")
    reprice(shop, Plan("large", credits=150, amount_minor=4_000, name="Large"))

    refused = shop.send("/change", **form)
    assert "It is 150 credits for $40.00 now." in one_line(refused.text)
    assert (charged(shop), shop.balance()) == ([1_000], 100)
    shop.change("large")
    assert charged(shop) == [1_000, 1_500]


def test_auto_top_up_allows_a_month_no_more_than_its_form_showed(shop: PlanShop) -> None:
    shop.keep_card()
    page = shop.browser().get("/prepaid/cards").text
    wish = {"pack": "starter", "threshold": "50", "times": "3"}
    reprice(shop, Pack("starter", credits=100, amount_minor=5_000))

    refused = press(shop, "/prepaid/cards/top-up", page, **wish)
    assert refused.status_code == 422
    assert "It is 100 credits for $50.00 now." in one_line(refused.text)
    shop.tick()
    assert charged(shop) == []
    assert press(shop, "/prepaid/cards/top-up", refused.text, **wish).status_code == 303
    shop.tick()
    assert charged(shop) == [5_000]


def test_a_call_says_what_was_shown_or_takes_what_is(databases: Databases, kind: str) -> None:
    shop = PlanShop(databases.fresh(kind), PREPAID_JSON_API=True)
    card, app = shop.keep_card(), App(shop).begin()

    def refused(method: str, path: str, *, status: int = 422, **body: Any) -> str | None:
        key = f"{path} {sorted(body.items())}"
        param: str | None = app.ask(method, path, status=status, key=key, **body)["error"].get("param")
        return param

    pack: dict[str, Any] = {"pack": "starter", "saved_card": card}
    assert refused("POST", "/charge", **pack, min_credits=101) == "min_credits"
    app.ask("POST", "/charge", key="one", **pack, min_credits=100, max_minor=500)
    topup: dict[str, Any] = {"pack": "starter", "threshold": 1, "times": 2}
    assert refused("PUT", "/top-up", **topup, min_credits=101) == "min_credits"
    assert refused("PUT", "/top-up", **topup, max_minor=999) == "max_minor"
    app.ask("PUT", "/top-up", **topup, max_minor=1_000, min_credits=100)
    plan: dict[str, Any] = {"plan": "small", "saved_card": card}
    assert refused("POST", "/plan", **plan, min_credits=101) == "min_credits"
    app.ask("POST", "/plan", key="two", **plan, min_credits=100)
    shop.stripe.deliver()

    preview = app.ask("GET", "/plan/change?plan=large")
    change = {name: preview[name] for name in ("plan", "proration_date", "due_minor")}
    next_minor = preview["next_minor"]
    assert refused("POST", "/plan/change", status=409, **change, next_minor=next_minor - 1) is None
    assert refused("POST", "/plan/change", **change, min_credits=501) == "min_credits"
    app.ask("POST", "/plan/change", **change, next_minor=next_minor, min_credits=500)
    assert charged(shop) == [500, 1_000, preview["due_minor"]]
