"""Browsers that press a button many times at once, or hang up."""

from __future__ import annotations

import re
import socket
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from flask.testing import FlaskClient

from flask_prepaid.payments.models import PaymentState

from ..gateway.wire import free_port, served
from ..shop import Shop, at_once

CLICKS = 16


@pytest.mark.each_database
def test_many_presses_at_once_with_one_form_are_one_charge(shop: Shop) -> None:
    card = shop.keep_card()
    browser = shop.browser()
    page = browser.get("/prepaid/buy").text
    form = {"pack": "starter", "saved_card": card, "attempt": "one-wish-0001", "csrf_token": token_of(page)}

    def click(_: int) -> str:
        tab = shop.browser()
        tab.set_cookie("session", cookie)
        return tab.post("/prepaid/buy", data=form).location

    cookie = session_cookie(browser)
    answers = at_once(CLICKS, click)

    (payment,) = shop.payments()  # its number is the database's to give: one that was undone leaves a gap
    assert set(answers) == {f"/prepaid/return?payment={payment.id}"}
    assert (shop.balance(), len(shop.payments()), len(shop.charges())) == (100, 1, 1)


@pytest.mark.each_database
def test_many_presses_at_once_lead_to_one_page(shop: Shop) -> None:
    browser = shop.browser()
    form = {
        "pack": "starter",
        "attempt": "one-wish-0001",
        "csrf_token": token_of(browser.get("/prepaid/buy").text),
    }
    cookie = session_cookie(browser)

    def click(_: int) -> str:
        tab = shop.browser()
        tab.set_cookie("session", cookie)
        return shop.session_of(tab.post("/prepaid/buy", data=form))

    (session,) = set(at_once(CLICKS, click))
    shop.pay(session)

    assert (shop.balance(), len(shop.payments())) == (100, 1)


def test_a_browser_that_hangs_up_after_sending_is_charged_and_gets_its_credits(shop: Shop) -> None:
    card = shop.keep_card()
    browser = shop.browser()
    page = browser.get("/prepaid/buy").text
    body = urlencode({"pack": "starter", "saved_card": card, "csrf_token": token_of(page)})
    head = [
        "POST /prepaid/buy HTTP/1.1",
        "Host: localhost",
        "X-Owner: user:1",
        f"Cookie: session={session_cookie(browser)}",
        "Content-Type: application/x-www-form-urlencoded",
        f"Content-Length: {len(body)}",
    ]

    port = free_port()
    with served(shop.app, port, threaded=False) as address:
        with socket.create_connection(("127.0.0.1", port)) as line:
            line.sendall("\r\n".join([*head, "", body]).encode())
        with pytest.raises(HTTPError) as refused:
            urlopen(f"{address}/nothing")  # one at a time: what came before is done
        refused.value.close()

    shop.put_right()
    assert [payment.state for payment in shop.payments()] == [PaymentState.PAID]
    assert (shop.balance(), len(shop.charges())) == (100, 1)


def token_of(page: str) -> str:
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token, page
    return token[1]


def session_cookie(browser: FlaskClient) -> str:
    cookie = browser.get_cookie("session")
    assert cookie is not None
    return cookie.value
