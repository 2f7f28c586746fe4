"""The journeys of visitor, customer and operator as a server runs the shop; each link of a mail elsewhere."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from prepaid_ledger.testing import Databases

from .production import PASSWORD, Browser, Production, code_of, forms

NEW_PASSWORD = "zq7-zq7-zq7"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    folder = tmp_path_factory.mktemp("production")
    url = None
    if request.param == "postgresql":
        url = Databases(folder).empty("postgresql").render_as_string(hide_password=False)
    with Production(folder, url).running() as shop:
        yield shop
        assert json.loads(shop.command("prepaid", "audit", "--json")) == {"ok": True, "problems": []}


def customer_of(shop: Production, email: str) -> Browser:
    """Somebody who registered in one browser and opened the mail in another, which goes on."""
    registered = Browser(shop).send("/register", email=email, password=PASSWORD)
    assert registered.status == 200, registered.text[:500]
    elsewhere = Browser(shop)
    confirmed = elsewhere.send(shop.links("/confirm")[-1], password=PASSWORD)
    assert confirmed.status == 200
    assert "Your address is confirmed" in confirmed.text
    return elsewhere


def balance(customer: Browser) -> int:
    shown = re.search(r"<span data-balance>([\d,]+)", customer.get("/").text)
    assert shown is not None
    return int(shown[1].replace(",", ""))


def until(what: Callable[[], bool], within_s: float = 60) -> None:
    """Ask again until it is so: events come when they come."""
    end = time.monotonic() + within_s
    while not what():
        assert time.monotonic() < end
        time.sleep(0.1)


def pages_of(shop: Production) -> list[str]:
    """Every page without a part in its address; what draws a number or ends a session is none."""
    from rando_number import create_app
    from rando_number.extensions import db

    app = create_app({**shop.environment, "RANDO_DATA": str(shop.data)})
    with app.app_context():
        db.engine.dispose()
    rules = [
        rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ()) and not rule.arguments
    ]
    return sorted({rule.rule for rule in rules} - {"/api/v1/number/"})


def test_every_page_answers_a_visitor_a_customer_and_nobody_with_a_fault(shop: Production) -> None:
    visitor, customer = Browser(shop), customer_of(shop, "walker@rando.test")

    for browser in (visitor, customer):
        for path in pages_of(shop):
            answer = browser.get(path)
            assert answer.status < 500, (path, answer.status)
            assert answer.url.startswith(shop.url), (path, answer.url)


def test_a_customer_registers_buys_draws_and_leaves(shop: Production) -> None:
    customer = customer_of(shop, "pat@rando.test")
    assert balance(customer) == 3
    checkout = customer.send("/buy-credits", pack="starter")
    while checkout.status == 503 and int(checkout.headers["Retry-After"]):  # on a machine that is very busy
        checkout = customer.send("/buy-credits", pack="starter")
    session = re.search(r"cs_test_\w+", checkout.url + checkout.text)
    assert session is not None, (checkout.status, checkout.url, checkout.text[-2_000:])
    shop.control("pay", session=session[0])
    back = customer.get(f"/buy-credits/return?session_id={session[0]}")
    assert back.status == 200
    until(lambda: balance(customer) == 13)

    assert customer.send("/number", form_of="/").status == 200
    shown = customer.send("/api-keys", name="mine")
    key = re.search(r"rn_[\w-]{20,}", shown.text)
    assert key is not None
    drawn = Browser(shop).get("/api/v1/number/", Authorization=f"Bearer {key[0]}")
    assert json.loads(drawn.text)["balance"] == 11
    assert customer.get("/usage.csv").text.count("\n") == 5
    assert json.loads(customer.get("/export.json").text)["account"]["email"] == "pat@rando.test"

    assert customer.send("/close-account").status == 200
    assert Browser(shop).login("pat@rando.test").url.endswith("/login")


def test_each_link_of_a_mail_works_in_a_browser_that_is_signed_out_and_names_our_address(
    shop: Production,
) -> None:
    customer = customer_of(shop, "kim@rando.test")
    Browser(shop).send("/register", email="kim@rando.test", password=PASSWORD)
    customer.send("/change-email", email="kim2@rando.test")

    elsewhere = Browser(shop)
    led_to = elsewhere.get(shop.links("/change-email")[-1])
    assert "/login" in led_to.url
    moved = elsewhere.post(
        led_to.url, {**forms(led_to.text)["/login"], "email": "kim@rando.test", "password": PASSWORD}
    )
    assert moved.url == shop.links("/change-email")[-1]
    assert "Your address is changed" in elsewhere.send(moved.url).text

    Browser(shop).send("/reset", email="kim2@rando.test")
    third = Browser(shop)
    reset = third.send(shop.links("/reset")[-1], password=NEW_PASSWORD, password_confirm=NEW_PASSWORD)
    assert reset.url.endswith("/login")
    assert third.login("kim2@rando.test", NEW_PASSWORD).url == f"{shop.url}/"

    assert {link[: len(shop.url)] for link in shop.links()} == {shop.url}
    for link in shop.links():
        assert Browser(shop).get(link).status in (200, 403), link


def test_an_operator_comes_in_with_a_second_factor_and_looks_at_everything(shop: Production) -> None:
    operator = customer_of(shop, "boss@rando.test")
    assert operator.get("/admin").status == 404
    shop.command("roles", "create", "admin")
    shop.command("roles", "add", "boss@rando.test", "admin")

    led_to = operator.get("/admin")
    assert led_to.url.endswith("/tf-setup")
    page = operator.send("/tf-setup", setup="authenticator")
    action = next(
        path for path in re.findall(r'action="([^"]+)"', page.text) if path.startswith("/tf-setup/")
    )
    done = operator.post(action, {**forms(page.text)[action.partition("?")[0]], "code": code_of(page.text)})
    assert done.status == 200

    for path in (path for path in pages_of(shop) if path.startswith("/admin")):
        answer = operator.get(path)
        assert answer.status == (422 if path == "/admin/plan" else 200), (path, answer.status)
        assert answer.url.startswith(f"{shop.url}{path}"), (path, answer.url)


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc for the workers")
def test_a_worker_that_is_killed_takes_nobody_with_it_and_is_replaced(shop: Production) -> None:
    before = shop.workers()
    assert len(before) == 2

    os.kill(before[0], signal.SIGKILL)

    until(lambda: len(shop.workers()) == 2 and before[0] not in shop.workers())
    assert shop.server.poll() is None
    assert [Browser(shop).get("/healthz").status for _ in range(4)] == [200] * 4
    os.kill(before[1], signal.SIGSTOP)  # only the new one can answer now, once it has started
    try:
        shop.await_answer(f"http://127.0.0.1:{shop.ports['shop']}/healthz")
    finally:
        os.kill(before[1], signal.SIGCONT)


def test_no_file_of_the_shop_is_for_other_users_of_the_machine(shop: Production) -> None:
    assert shop.data.stat().st_mode & 0o077 == 0
    open_to_others = [file for file in shop.data.rglob("*") if file.stat().st_mode & 0o077]

    assert open_to_others == []
