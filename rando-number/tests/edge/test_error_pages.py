"""Where a page of an error leads on: to the page again, to its form, to another account, to us."""

from __future__ import annotations

import re

import pytest
from flask import abort

from ..reading import forms
from ..running_shop import RunningShop


def primary(page: str) -> str | None:
    """The one link of the page that looks like a button to press first."""
    links = re.findall(r'<a class="btn btn-primary" .*?</a>', page)
    return links[0] if links else None


def fault() -> str:
    raise ZeroDivisionError


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_passes_can_be_tried_again_where_it_was(shop: RunningShop, status: int) -> None:
    shop.app.add_url_rule("/late", view_func=lambda: abort(status) if status != 500 else fault())

    page = shop.visitor().get("/late", days="30", per="week&")

    assert page.status_code == status
    assert (
        primary(page.text) == '<a class="btn btn-primary" href="/late?days=30&amp;per=week%26">Try again</a>'
    )


def test_an_address_with_a_backslash_leads_nowhere_else(shop: RunningShop) -> None:
    shop.app.add_url_rule("/<path:rest>", view_func=lambda rest: abort(503))

    page = shop.visitor().get("/%5Cevil.test")

    assert page.status_code == 503
    assert primary(page.text) == '<a class="btn btn-primary" href="/">Try again</a>'


@pytest.mark.parametrize(
    "referrer", ["http://[bad/", "http://localhost/\\evil.test", "//localhost//evil.test", "\x00"]
)
def test_a_referrer_of_any_kind_leads_to_a_page_of_ours(shop: RunningShop, referrer: str) -> None:
    shop.app.add_url_rule("/send", view_func=lambda: abort(409), methods=["GET", "POST"])
    visitor = shop.visitor()
    hidden = forms(visitor.get("/login").text)["/login"]

    page = visitor.client.post("/send", data=hidden, headers={"Referer": referrer})

    assert page.status_code == 409
    assert primary(page.text) in {
        f'<a class="btn btn-primary" href="{path}">Go back</a>' for path in ("/", "/send", "/evil.test")
    }


def test_a_form_that_was_sent_is_led_back_to_not_sent_again(shop: RunningShop) -> None:
    shop.app.add_url_rule("/send", view_func=fault, methods=["POST"])
    visitor = shop.visitor()

    hidden = forms(visitor.get("/login").text)["/login"]

    from_page, from_elsewhere = (
        visitor.client.post("/send", data=hidden, headers={"Referer": page})
        for page in ("http://localhost/contact?to=us", "http://elsewhere.test/trap")
    )

    assert primary(from_page.text) == '<a class="btn btn-primary" href="/contact?to=us">Go back</a>'
    assert primary(from_elsewhere.text) is None


@pytest.mark.parametrize("status", [400, 405, 409, 413, 422])
def test_what_was_sent_wrongly_leads_back_to_where_it_came_from(shop: RunningShop, status: int) -> None:
    shop.app.add_url_rule("/send", view_func=lambda: abort(status), methods=["GET", "POST"])
    visitor = shop.visitor()
    hidden = forms(visitor.get("/login").text)["/login"]

    sent, unknown, elsewhere = (
        visitor.client.post("/send", data=hidden, headers=headers)
        for headers in (
            {"Referer": "http://localhost/contact?to=us"},
            {},
            {"Referer": "http://elsewhere.test/trap"},
        )
    )
    followed = visitor.client.get("/send?a=b", headers={"Referer": "http://localhost/contact"})
    reloaded = visitor.client.get("/send?a=b", headers={"Referer": "http://localhost/send?a=b"})

    assert sent.status_code == status
    assert primary(sent.text) == '<a class="btn btn-primary" href="/contact?to=us">Go back</a>'
    assert primary(unknown.text) == primary(elsewhere.text)
    assert primary(unknown.text) == '<a class="btn btn-primary" href="/send">Go back</a>'
    assert primary(followed.text) == '<a class="btn btn-primary" href="/contact">Go back</a>'
    assert primary(reloaded.text) is None


def test_a_form_out_of_date_and_one_too_large_lead_back_to_their_page(shop: RunningShop) -> None:
    visitor = shop.visitor()
    button = '<a class="btn btn-primary" href="/register">Go back</a>'
    page = {"Referer": "http://localhost/register"}

    stale = visitor.client.post("/register", data={"email": "pat@rando.test"}, headers=page)
    large = visitor.client.post("/register", data={"email": "x" * 2_000_000}, headers=page)

    assert (stale.status_code, primary(stale.text)) == (400, button)
    assert (large.status_code, primary(large.text)) == (413, button)


def test_a_fault_of_ours_leads_to_us_with_its_name(shop: RunningShop) -> None:
    shop.app.add_url_rule("/fault", view_func=fault)

    page = shop.visitor().get("/fault")

    assert 'If you <a href="/contact">write to us</a>, name this request:' in page.text


def test_who_may_not_do_something_can_change_the_account(shop: RunningShop) -> None:
    shop.app.add_url_rule("/forbidden", view_func=lambda: abort(403))
    stranger, customer = shop.visitor(), shop.customer()

    assert primary(stranger.get("/forbidden").text) == '<a class="btn btn-primary" href="/login">Sign in</a>'
    assert "Sign in with another account" in customer.get("/forbidden").text
    hidden = forms(customer.get("/forbidden").text)["/logout"]
    left = customer.client.post("/logout?next=/login", data=hidden)
    assert left.location == "/login"
    assert customer.get("/user-profile").status_code == 302


def test_a_customer_who_looks_for_the_desk_keeps_the_shop_about_them(shop: RunningShop) -> None:
    lost = shop.customer().get("/admin/sales")

    assert lost.status_code == 404
    assert "shop-menu" not in lost.text
    assert "data-balance" in lost.text
    assert "shop-menu" in shop.operator("support").get("/admin/sales").text
