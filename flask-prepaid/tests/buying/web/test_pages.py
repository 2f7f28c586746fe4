"""The pages by themselves: forms that only we can send, frames, headers, words."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from flask import Flask, render_template, request
from flask.testing import FlaskClient
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect
from jinja2 import DictLoader

from flask_prepaid import Pack, Prepaid
from flask_prepaid.errors import AlreadyPaid
from flask_prepaid.testing import Databases
from prepaid_ledger import WalletBlocked
from stripe_emulator import Emulator

from ..purchases.test_fraud_warnings import pay_another
from ..shop import SECRET, WEBHOOK, Shop

CSRF_ORDERS = ["none", "before", "after"]


def small_app(
    databases: Databases, csrf: str = "none", frame: str = "", **settings: object
) -> tuple[Flask, Emulator]:
    """The three steps of the README, with or without the host's Flask-WTF, set up before or after us."""
    app = Flask("host")
    app.jinja_loader = DictLoader({"frame.html": frame})
    app.config.update(TESTING=True, SECRET_KEY="x", SQLALCHEMY_DATABASE_URI=databases.fresh("sqlite"))
    app.config.update(settings)
    stripe = Emulator()
    db = SQLAlchemy(app)
    if csrf == "before":
        CSRFProtect(app)
    Prepaid(
        app,
        db,
        packs=[Pack("starter", credits=100, amount_minor=500)],
        owner=lambda: request.headers.get("X-Owner"),
        http_client=stripe.http_client(),
    )
    if csrf == "after":
        CSRFProtect(app)
    return app, stripe


def customer(app: Flask) -> FlaskClient:
    browser = app.test_client()
    browser.environ_base["HTTP_X_OWNER"] = "user:1"
    return browser


@pytest.mark.parametrize("looks_by_itself", [True, False])
@pytest.mark.parametrize("csrf", CSRF_ORDERS)
def test_a_form_of_ours_is_taken_and_one_of_another_site_is_not(
    databases: Databases, csrf: str, looks_by_itself: bool
) -> None:
    app, _ = small_app(databases, csrf, WTF_CSRF_CHECK_DEFAULT=looks_by_itself)
    browser = customer(app)
    page = browser.get("/prepaid/buy").text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token

    forged = [
        browser.post("/prepaid/buy", data={"pack": "starter"}),
        browser.post("/prepaid/buy", data={"pack": "starter", "csrf_token": "guessed"}),
        browser.post("/prepaid/buy", data={"pack": "starter", "csrf_token": "é"}),
        customer(app).post("/prepaid/buy", data={"pack": "starter", "csrf_token": token[1]}),
    ]
    ours = browser.post("/prepaid/buy", data={"pack": "starter", "csrf_token": token[1]})

    assert [answer.status_code for answer in forged] == [400, 400, 400, 400]
    assert ours.status_code == 303


@pytest.mark.parametrize("csrf", CSRF_ORDERS)
def test_stripe_needs_no_form(databases: Databases, csrf: str) -> None:
    app, stripe = small_app(databases, csrf, PREPAID_STRIPE_WEBHOOK_SECRET=SECRET)
    stripe.connect(app, WEBHOOK, SECRET)
    browser = customer(app)
    token = re.search(r'name="csrf_token" value="([^"]+)"', browser.get("/prepaid/buy").text)
    assert token
    sent = browser.post("/prepaid/buy", data={"pack": "starter", "csrf_token": token[1]})

    stripe.pay(sent.location.rpartition("/")[2].partition("?")[0].partition("#")[0])

    assert "<strong>100</strong> credits" in browser.get("/prepaid/buy").text


def test_the_host_brings_its_own_frame_and_addresses(databases: Databases) -> None:
    frame = "<nav>Host</nav>{% block content %}{% endblock %}"
    settings: dict[str, Any] = {
        "PREPAID_BASE_TEMPLATE": "frame.html",
        "PREPAID_PATHS": {"buy": "/buy-credits"},
    }
    app, _ = small_app(databases, frame=frame, **settings)

    page = customer(app).get("/buy-credits").text

    assert "<nav>Host</nav>" in page
    assert 'action="/buy-credits"' in page


def test_nobody_is_asked_to_sign_in(shop: Shop) -> None:
    assert shop.browser(owner=None).get("/prepaid/buy").status_code == 401


def test_no_script_and_no_style_stands_in_the_pages(shop: Shop) -> None:
    pages = [shop.browser().get(path).text for path in ("/prepaid/buy", "/prepaid/cards")]
    pages.append(shop.come_back(shop.buy()).text)

    for page in pages:
        assert not re.search(r"<script(?! src=)|<style|\sstyle=|\son\w+=", page)


def test_a_page_about_money_is_kept_by_no_cache(shop: Shop) -> None:
    page = shop.browser().get("/prepaid/buy")

    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "same-origin"


def test_the_buy_page_says_balance_price_and_how_long_credits_last(shop: Shop) -> None:
    page = shop.browser().get("/prepaid/buy").text

    assert "You have <strong>0</strong> credits" in page
    assert 'data-price="$5.00"' in page
    assert "$0.05 a credit" in page
    assert "Credits last for 30 days." in page
    assert "A refund to your card takes back the credits that it paid for." in page


def test_no_page_asks_for_a_card_number(shop: Shop) -> None:
    fields = re.findall(r'name="([^"]+)"', shop.browser().get("/prepaid/buy").text)

    assert set(fields) <= {
        "viewport",
        "color-scheme",
        "csrf_token",
        "attempt",
        "currency",
        "pack",
        "credits",
        "shown",
        "keep_card",
    }


def test_a_customer_without_credits_is_told_where_to_buy(shop: Shop) -> None:
    @shop.app.get("/report")
    @shop.prepaid.costs(3)
    def report() -> str:
        return "the report"

    poor = shop.browser().get("/report", headers={"Accept": "application/json"})

    assert poor.status_code == 402
    assert poor.json == {
        "status": "FAILURE",
        "error": {
            "code": "insufficient_credits",
            "message": "3 credits are needed, 0 are available",
            "balance": 0,
            "needed": 3,
            "buy_url": "http://localhost/prepaid/buy",
        },
    }
    curl = shop.browser().get("/report", headers={"Accept": "*/*"})
    chromium = shop.browser().get("/report", headers={"Accept": "text/html,application/xml;q=0.9,*/*;q=0.8"})
    assert curl.json == poor.json
    assert "3 credits are needed" in chromium.text


def reading_pages(shop: Shop) -> FlaskClient:
    """A browser of the customer's that asks for pages, as those of people do."""
    browser = shop.browser()
    browser.environ_base["HTTP_ACCEPT"] = "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"
    return browser


@pytest.mark.parametrize(
    ("choice", "kept"), [({"pack": "starter"}, "pack=starter"), ({"credits": "25"}, "credits=25")]
)
def test_when_stripes_page_does_not_open_nothing_was_charged_and_the_choice_is_kept(
    shop: Shop, choice: dict[str, str], kept: str
) -> None:
    browser = reading_pages(shop)
    shop.stripe.chaos(api_500=1.0)

    page = shop.send_form(browser, "/prepaid/buy", **choice)

    assert page.status_code == 503
    assert page.headers["Retry-After"] == "5"
    assert "Nothing was charged</h1>" in page.text
    assert "No card was charged, so you can try again." in page.text
    again = re.search(r'class="btn btn-primary" href="([^"]+)">Try again<', page.text)
    assert again is not None
    assert kept in again[1]
    shelf = shop.browser().get(unescape(again[1])).text
    assert re.search(r' checked|value="25"', shelf), "the choice stands on the page"


def test_a_page_that_was_opened_before_may_be_paid_so_nobody_says_that_it_is_not(shop: Shop) -> None:
    browser, wish = reading_pages(shop), {"pack": "starter", "attempt": "one-wish-0001"}
    shop.send_form(browser, "/prepaid/buy", **wish)
    shop.stripe.chaos(api_500=1.0)

    page = shop.send_form(browser, "/prepaid/buy", **wish)

    assert page.status_code == 503
    assert "Not known yet</h1>" in page.text
    assert "do not pay twice" in page.text


def test_when_stripe_is_away_coming_back_says_not_known_yet(deaf_shop: Shop) -> None:
    session = deaf_shop.buy()
    deaf_shop.pay(session)
    deaf_shop.stripe.chaos(api_500=1.0)

    page = deaf_shop.come_back(session)

    assert page.status_code == 200
    assert "Do not pay again" in page.text
    assert "<dt>Price</dt><dd>$5.00</dd>" in page.text
    assert page.headers["Refresh"] == "3"


def decline(shop: Shop) -> None:
    shop.press(shop.keep_card(number="4000000000000341"))


def leave_open(shop: Shop) -> None:
    shop.buy()
    shop.stripe.advance(days=2)


def pay_other_than_agreed(shop: Shop) -> None:
    shop.buy()
    pay_another(shop, 400)


@pytest.mark.parametrize(
    ("happens", "heading"),
    [
        (decline, "The payment did not go through"),
        (leave_open, "The payment page has closed"),
        (pay_other_than_agreed, "We are looking at this payment"),
    ],
)
def test_when_stripe_is_away_coming_back_says_what_is_known_already(
    shop: Shop, happens: Callable[[Shop], None], heading: str
) -> None:
    happens(shop)
    shop.stripe.deliver()
    shop.stripe.chaos(api_500=1.0)

    page = shop.browser().get("/prepaid/return?payment=1")

    assert f"{heading}</h1>" in page.text
    assert "Refresh" not in page.headers


@pytest.mark.parametrize(("has_home", "leads_to"), [(False, "/prepaid/buy"), (True, "/")])
def test_the_frames_brand_leads_to_a_page_that_is_there(
    databases: Databases, has_home: bool, leads_to: str
) -> None:
    app, _ = small_app(databases)
    if has_home:
        app.add_url_rule("/", view_func=lambda: "the host's own")
    browser = customer(app)

    page = browser.get("/prepaid/buy", base_url="http://localhost/mounted").text

    assert f'<a class="brand" href="/mounted{leads_to}">' in page
    assert browser.get(leads_to).status_code == 200


def test_a_page_of_the_hosts_own_stands_in_the_extensions_frame(databases: Databases) -> None:
    frame = '{% extends "prepaid/base.html" %}{% block content %}<h1>Reports</h1>{% endblock %}'
    app, _ = small_app(databases, frame=frame)
    app.add_url_rule("/", "home", lambda: render_template("frame.html"))

    page = customer(app).get("/").text

    assert "<h1>Reports</h1>" in page
    assert 'href="/prepaid/buy">Buy Credits</a>' in page


def test_the_page_of_an_error_offers_credits_only_where_they_help(databases: Databases) -> None:
    app, _ = small_app(databases)

    def repeated() -> str:
        raise AlreadyPaid("This was done already.")

    def owing() -> str:
        raise WalletBlocked("user:1", debt=5)

    app.add_url_rule("/repeated", "repeated", repeated)
    app.add_url_rule("/owing", "owing", owing)
    pages = [customer(app).get(path, headers={"Accept": "text/html"}) for path in ("/repeated", "/owing")]

    assert [answer.status_code for answer in pages] == [409, 402]
    assert ['class="btn btn-primary"' in answer.text for answer in pages] == [False, True]
