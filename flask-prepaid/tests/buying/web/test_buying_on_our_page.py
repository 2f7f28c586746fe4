"""Our own page with a quantity, its live total, and Stripe's elements."""

from __future__ import annotations

import re

import pytest

from flask_prepaid import Pack

from ..shop import Shop

PAGE = "/prepaid/buy/custom"


def open_elements(shop: Shop, **fields: str) -> str:
    """Choose a quantity; the session whose elements the page then shows."""
    page = shop.send_form(shop.browser(), PAGE, **{"credits": "10", **fields})
    assert page.status_code == 200, page.text
    secret = re.search(r'data-secret="(cs_test_\w+?)_secret_', page.text)
    assert secret
    return secret[1]


def test_a_quantity_leads_to_elements_for_its_price(shop: Shop) -> None:
    session = open_elements(shop)

    assert shop.at_stripe(session).amount_total_minor == 1_000
    assert [payment.credits for payment in shop.payments()] == [10]


def test_what_is_paid_there_settles_as_anywhere(deaf_shop: Shop) -> None:
    session = open_elements(deaf_shop)
    deaf_shop.pay(session)

    assert "10 credits added for $10.00" in deaf_shop.come_back(session).text


@pytest.mark.parametrize(("credits", "total"), [("10", "$10.00"), ("1000", "$900.00")])
def test_the_live_total_is_the_servers(shop: Shop, credits: str, total: str) -> None:
    answer = shop.browser().get(PAGE, query_string={"credits": credits})

    assert answer.json == {"total": total}


@pytest.mark.parametrize("credits", ["0", "-1", "1e9", "abc", "", "1001"])
def test_a_wrong_quantity_is_said_at_its_field(shop: Shop, credits: str) -> None:
    live = shop.browser().get(PAGE, query_string={"credits": credits})
    page = shop.send_form(shop.browser(), PAGE, credits=credits)

    assert (live.status_code, page.status_code) == (422, 422)
    assert 'id="credits-error"' in page.text
    assert shop.payments() == []


def test_the_same_form_after_paying_leads_to_the_result(shop: Shop) -> None:
    session = open_elements(shop, attempt="one-wish-0001")
    shop.pay(session)

    again = shop.send_form(shop.browser(), PAGE, credits="10", attempt="one-wish-0001")

    assert again.location == f"/prepaid/return?session_id={session}"


def test_a_page_that_is_open_keeps_its_pack_and_its_price_when_they_change_and_leave(shop: Shop) -> None:
    packs, form = shop.prepaid.catalog.packs, {"pack": "starter", "attempt": "one-wish-0001"}
    shop.send_form(shop.browser(), PAGE, **form)
    (payment,) = shop.payments()
    packs["starter"] = Pack("starter", credits=1, amount_minor=900, name="Another")
    changed = shop.send_form(shop.browser(), PAGE, **form)
    del packs["starter"]
    left = shop.send_form(shop.browser(), PAGE, **form)

    for page in (changed, left):
        assert f'data-secret="{payment.session_id}_secret_' in page.text
        assert '100 credits for <strong id="prepaid-total">$5.00</strong>' in page.text
    assert len(shop.payments()) == 1


def test_the_page_loads_stripes_script_from_where_the_setting_says(shop: Shop) -> None:
    page = shop.send_form(shop.browser(), PAGE, credits="10").text

    assert '<script src="https://js.stripe.com/endive/stripe.js"></script>' in page
