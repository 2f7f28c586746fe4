"""Wrong passwords and mails: at every form, and many at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..conftest import StillClock
from ..reading import forms
from ..running_shop import NEW_PASSWORD, PASSWORD, RunningShop, Visitor
from ..serving import at_once


def test_of_many_wrong_passwords_at_once_no_more_are_tried_than_allowed(guarded_shop: RunningShop) -> None:
    guarded_shop.customer("pat@rando.test")
    browser = guarded_shop.visitor()
    page = forms(browser.get("/login").text)["/login"]
    tabs = [browser.another_tab() for _ in range(30)]

    def guess(n: int) -> int:
        return (
            tabs[n]
            .post("/login", data={**page, "email": "pat@rando.test", "password": f"guess {n}"})
            .status_code
        )

    statuses = at_once(len(tabs), guess)

    assert 1 <= statuses.count(200) <= 10
    assert statuses.count(200) + statuses.count(429) == 30


@pytest.mark.parametrize("path", ["/verify", "/change"])
def test_wrong_passwords_with_a_live_session_are_counted(guarded_shop: RunningShop, path: str) -> None:
    customer = guarded_shop.customer("pat@rando.test")
    new = {"new_password": "zq7-zq7-zq7", "new_password_confirm": "zq7-zq7-zq7"} if path == "/change" else {}

    page = forms(customer.get(path).text)[path]
    answers = [customer.client.post(path, data={**page, "password": f"guess {n}", **new}) for n in range(12)]

    assert [answer.status_code for answer in answers] == [200] * 10 + [429] * 2
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert guarded_shop.visitor().login("pat@rando.test").status_code == 302, "nobody is locked out"


def test_guesses_at_one_account_from_everywhere_are_slowed_down_and_its_owner_is_not(
    guarded_shop: RunningShop,
) -> None:
    owner = guarded_shop.customer("pat@rando.test")
    owner.send("/logout")

    def guess(n: int, address: str = "pat@rando.test") -> int:
        robot = guarded_shop.visitor(REMOTE_ADDR=f"10.2.{n}.1")
        return robot.send("/login", email=address, password=f"guess {n}").status_code

    spellings = ["pat@rando.test", " PAT@rando.test", "Pat@RANDO.test"]
    assert [guess(n, spellings[n % 3]) for n in range(22)] == [200] * 20 + [429] * 2
    assert guess(23, "sam@rando.test") == 200, "another account has a limit of its own"

    stranger = guarded_shop.visitor(REMOTE_ADDR="10.3.1.1")
    assert stranger.login("pat@rando.test").status_code == 429
    assert owner.send("/login", email="pat@rando.test", password="oh").status_code == 200
    assert owner.login("pat@rando.test").status_code == 302, "their browser is known"

    stranger.send("/reset", email="pat@rando.test")
    link = guarded_shop.links("/reset")[-1]
    new = {"password": "zq7-zq7-zq7", "password_confirm": "zq7-zq7-zq7"}
    assert stranger.send(link, **new).status_code == 302
    assert stranger.login("pat@rando.test", new["password"]).status_code == 302, "who reads the mail is known"


def test_a_squatters_browsers_are_no_known_ones_of_the_owner(tmp_path: Path) -> None:
    shop = RunningShop(tmp_path, RATELIMIT_ENABLED="1", RANDO_CONFIRM_EMAIL="1")
    squatter = shop.visitor()
    squatter.register("pat@rando.test")
    squatter.login("pat@rando.test")
    assert squatter.client.get_cookie("known") is None

    owner = shop.visitor()
    owner.send(shop.reset_link(), **NEW_PASSWORD)
    assert owner.client.get_cookie("known") is not None


@pytest.mark.parametrize("by", ["reset", "change"])
def test_a_new_password_makes_a_stranger_of_every_other_browser(guarded_shop: RunningShop, by: str) -> None:
    owner = guarded_shop.customer("pat@rando.test")
    thief = guarded_shop.visitor(REMOTE_ADDR="10.9.0.1")
    thief.login("pat@rando.test")
    if by == "reset":
        owner.send("/logout")
        owner.send(guarded_shop.reset_link(), **NEW_PASSWORD)
    else:
        fields = {"new_password": "zq7-zq7-zq7", "new_password_confirm": "zq7-zq7-zq7"}
        owner.send("/change", password=PASSWORD, **fields)
        owner.send("/logout")

    def guess(n: int) -> int:
        robot = guarded_shop.visitor(REMOTE_ADDR=f"10.2.{n}.1")
        return robot.send("/login", email="pat@rando.test", password=f"guess {n}").status_code

    assert [guess(n) for n in range(21)] == [200] * 20 + [429]
    thief.get("/")
    assert thief.send("/login", email="pat@rando.test", password="guess").status_code == 429
    assert owner.login("pat@rando.test", NEW_PASSWORD["password"]).status_code == 302


def test_a_guesser_who_asks_for_json_is_in_the_audit_log_as_any_other(guarded_shop: RunningShop) -> None:
    guarded_shop.customer("pat@rando.test")
    robot = guarded_shop.visitor()
    page = forms(robot.get("/login").text)["/login"]

    def guess(password: str) -> int:
        fields = {**page, "email": "pat@rando.test", "password": password}
        sent = robot.client.post("/login", data=fields, headers={"Accept": "application/json"})
        return sent.status_code

    assert (guess("no"), guarded_shop.actions()[-1]) == (200, "sign_in_refused")
    assert (guess(PASSWORD), guarded_shop.actions()[-1]) == (302, "signed_in")


def test_right_passwords_cost_nothing_at_verify(guarded_shop: RunningShop) -> None:
    customer = guarded_shop.customer("pat@rando.test")

    assert {customer.send("/verify", password=PASSWORD).status_code for _ in range(12)} == {302}


def test_nobody_has_us_write_many_mails(guarded_shop: RunningShop) -> None:
    customer = guarded_shop.customer("pat@rando.test")
    page = forms(customer.get("/change-email").text)["/change-email"]

    sent = [
        customer.client.post("/change-email", data={**page, "email": f"victim{n}@rando.test"}).status_code
        for n in range(8)
    ]

    assert sent == [200] * 5 + [429] * 3
    assert len(guarded_shop.links("/change-email")) == 5


def test_one_mailbox_gets_no_more_mails_wherever_they_are_asked_for(guarded_shop: RunningShop) -> None:
    guarded_shop.customer("pat@rando.test")

    def ask(n: int) -> int:
        robot = guarded_shop.visitor(REMOTE_ADDR=f"10.1.{n}.1")
        return robot.send("/reset", email="Pat@rando.test").status_code

    assert [ask(n) for n in range(22)] == [200] * 20 + [429] * 2


@pytest.mark.parametrize("strangers", [1, 4])
def test_strangers_keep_no_owner_from_a_new_password(
    guarded_shop: RunningShop, limits_clock: StillClock, strangers: int
) -> None:
    owner = guarded_shop.customer("pat@rando.test")
    owner.send("/logout")
    limits_clock.now_s = limits_clock.now_s // 3600 * 3600 + 3600  # all within one hour

    def ask(visitor: Visitor) -> int:
        return visitor.send("/reset", email="pat@rando.test").status_code

    for n in range(strangers):
        stranger = guarded_shop.visitor(REMOTE_ADDR=f"10.9.{n}.1")
        assert [ask(stranger) for _ in range(5)] == [200] * 5
        limits_clock.now_s += 61
        assert ask(stranger) == 429, "so many from one address"
    elsewhere = guarded_shop.visitor(REMOTE_ADDR="10.3.1.1")
    assert ask(elsewhere) == (200 if strangers == 1 else 429)

    assert ask(owner) == 200, "their browser is known"


def test_one_mailbox_gets_no_more_mails_however_its_address_is_written(guarded_shop: RunningShop) -> None:
    def register(n: int) -> int:
        robot = guarded_shop.visitor(REMOTE_ADDR=f"10.1.{n}.1")
        local, domain = ("ｐat", "rando。test") if n % 2 else ("pat", "RANDO.test")  # noqa: RUF001
        return robot.send("/register", email=f"{local}+{n}@{domain}", password=PASSWORD).status_code

    assert [register(n) for n in range(22)] == [302] * 20 + [429] * 2


def test_of_many_keys_made_at_once_no_more_are_made_than_allowed(any_shop: RunningShop) -> None:
    customer = any_shop.customer()
    page = forms(customer.get("/api-keys").text)["/api-keys"]
    tabs = [customer.another_tab() for _ in range(24)]

    statuses = at_once(
        len(tabs), lambda n: tabs[n].post("/api-keys", data={**page, "name": f"key {n}"}).status_code
    )

    assert any_shop.rows()["prepaid_api_key"] <= 20
    assert set(statuses) <= {200, 422, 503}


def test_the_page_of_privacy_names_each_cookie_of_a_customer(shop: RunningShop) -> None:
    shop.customer("pat@rando.test")
    visitor = shop.visitor()
    signed_in = visitor.login("pat@rando.test")

    cookies = {cookie.partition("=")[0] for cookie in signed_in.headers.getlist("Set-Cookie")}
    page = visitor.get("/privacy").text
    assert cookies == {"session", "known"}
    assert all(f"<code>{name}</code>" in page for name in cookies)
    assert "for 365 days" in page
