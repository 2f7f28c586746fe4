"""Passwords, the links that reset them, and what strangers learn of an address."""

from __future__ import annotations

import re
import time
from datetime import timedelta

import pytest
from flask_security import reset_password_instructions_sent, user_registered
from itsdangerous import TimestampSigner
from sqlalchemy import select, update
from stripe import StripeClient

from rando_number.accounts.passwords import common
from rando_number.columns import utc_now
from rando_number.config.security import ARGON2
from rando_number.extensions import db
from rando_number.models import ResetLink, User
from rando_number.rate_limits import rates

from ..conftest import StillClock
from ..reading import forms
from ..running_shop import NEW_PASSWORD, PASSWORD, RunningShop


def stored(shop: RunningShop) -> str:
    with shop.app.app_context():
        return db.session.scalars(select(User.password)).one() or ""


@pytest.mark.parametrize(("length", "taken"), [(7, False), (8, True), (64, True), (128, True)])
def test_a_password_has_8_characters_or_more(shop: RunningShop, length: int, taken: bool) -> None:
    password = ("zq7-" * 32)[:length]

    shop.visitor().register("pat@rando.test", password)

    assert (shop.rows()["users"] == 1) is taken
    if taken:
        assert shop.visitor().login("pat@rando.test", password).status_code == 302


def test_the_passwords_that_leak_most_are_refused_with_no_network(shop: RunningShop) -> None:
    assert len(common()) > 8_000

    for password in ("password1", "iloveyou1", "PASSWORD123", "qwertyuiop"):
        refused = shop.visitor().register("pat@rando.test", password)
        assert "among the first that are tried" in refused.text, password

    assert shop.rows()["users"] == 0


@pytest.mark.parametrize("password", ["rando-number1", "RandoNumber!", "patricia99", "99Patricia"])
def test_our_name_and_ones_own_address_are_refused(shop: RunningShop, password: str) -> None:
    refused = shop.visitor().register("patricia@rando.test", password)

    assert "little more than" in refused.text
    assert shop.rows()["users"] == 0


def test_a_password_is_judged_as_it_was_typed_in_whatever_form_it_is_kept(
    shop: RunningShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(shop.app.config, "SECURITY_PASSWORD_NORMALIZE_FORM", "NFKD")

    refused = shop.visitor().register("renée@rando.test", "renée999")

    assert "little more than your address" in refused.text
    assert shop.rows()["users"] == 0


@pytest.mark.parametrize(
    "password", ["alllowercase", "a     space     z", "🎲🎲🎲🎲🎲🎲🎲🎲", "19283746556473"]
)
def test_no_kinds_of_characters_are_asked_for(shop: RunningShop, password: str) -> None:
    shop.visitor().register("pat@rando.test", password)

    assert shop.visitor().login("pat@rando.test", password).status_code == 302


def test_a_password_is_verified_as_it_came(shop: RunningShop) -> None:
    long = "Zq7-" * 20
    shop.visitor().register("pat@rando.test", long + "é")

    for other in (long[:72], long, long.lower() + "é", long + "e\u0301"):
        assert shop.visitor().login("pat@rando.test", other).status_code == 200, other

    assert shop.visitor().login("pat@rando.test", long + "é").status_code == 302


def test_a_new_password_asks_for_the_present_one(shop: RunningShop) -> None:
    customer = shop.customer()
    before = stored(shop)

    refused = customer.send(
        "/change", password="not mine", new_password="zq7-zq7-zq7", new_password_confirm="zq7-zq7-zq7"
    )

    assert refused.status_code == 200
    assert stored(shop) == before
    customer.send(
        "/change", password=PASSWORD, new_password="zq7-zq7-zq7", new_password_confirm="zq7-zq7-zq7"
    )
    assert shop.visitor().login("pat@rando.test", "zq7-zq7-zq7").status_code == 302


def test_password_fields_help_a_password_manager(shop: RunningShop) -> None:
    customer = shop.customer()
    pages = {path: shop.visitor().get(path).text for path in ("/login", "/register")}
    pages["/change"] = customer.get("/change").text

    for path, page in pages.items():
        fields = re.findall(r'<input[^>]*name="[a-z_]*password[a-z_]*"[^>]*>', page)
        assert fields, path
        for field in fields:
            assert 'type="password"' in field
            assert re.search(r'autocomplete="(current|new)-password"', field), field
        assert "onpaste" not in page


def test_passwords_are_kept_by_argon2id_and_hashed_anew_when_it_gets_dearer(
    dear_passwords: None, shop: RunningShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.customer()
    cost = re.match(r"\$argon2id\$v=19\$m=(\d+),t=(\d+),p=\d+\$", stored(shop))
    assert cost is not None
    assert int(cost[1]) >= 19 * 1024
    assert int(cost[2]) >= 2

    monkeypatch.setitem(ARGON2, "argon2__time_cost", 3)
    RunningShop(shop.data).visitor().login("pat@rando.test")

    assert "t=3" in stored(shop)


def test_a_fresh_install_has_nobody_to_log_in_as(shop: RunningShop) -> None:
    assert shop.rows()["users"] == 0


def test_nobody_is_asked_for_a_hint_or_a_secret_question(shop: RunningShop) -> None:
    page = shop.visitor().get("/register").text

    assert set(re.findall(r'<input[^>]*name="(\w+)"', page)) == {
        "next",
        "back",  # of the menu of languages
        "csrf_token",
        "press",  # which form this is: a second press is answered as the first
        "email",
        "password",
    }


def test_a_reset_link_works_once(shop: RunningShop) -> None:
    customer = shop.customer()
    visitor = shop.visitor()
    link = shop.reset_link()

    assert visitor.send(link, **NEW_PASSWORD).location == "/login"

    assert visitor.get(link).location == "/reset"
    assert customer.get("/user-profile").status_code == 302
    assert shop.visitor().login("pat@rando.test").status_code == 200
    assert shop.visitor().login("pat@rando.test", "zq7-zq7-zq7").status_code == 302
    assert shop.app.config["SECURITY_RESET_PASSWORD_WITHIN"].total_seconds() <= 600


@pytest.mark.parametrize(
    ("wanted", "follows"),
    [("/buy-credits?pack=starter", "/login?next=/buy-credits?pack%3Dstarter"), ("//evil.example", "/login")],
)
def test_after_a_new_password_comes_the_page_that_was_wanted_in_any_browser(
    shop: RunningShop, wanted: str, follows: str
) -> None:
    """The way there leads over the sign-in, which has taken a wrong password first."""
    shop.customer()
    visitor = shop.visitor()
    refused = visitor.send("/login", next=wanted, email="pat@rando.test", password="not the one")
    way = re.findall(r'href="(/reset[^"]*)"', refused.text)[0].replace("&amp;", "&")
    visitor.client.post(
        "/reset", data={**forms(visitor.client.get(way).text)["/reset"], "email": "pat@rando.test"}
    )
    link = re.findall(
        r"http://localhost(/reset/\S+)", shop.mails()[-1].replace("=\n", "").replace("=3D", "=")
    )[0]

    phone = shop.visitor()
    shown = forms(phone.client.get(link).text).items()
    ((action, fields),) = [form for form in shown if "/reset/" in form[0]]
    saved = phone.client.post(action, data={**fields, **NEW_PASSWORD})

    assert saved.location == follows


def test_a_link_that_a_stranger_asks_for_ends_none_of_the_owner(
    shop: RunningShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.customer()
    with monkeypatch.context() as earlier:  # links of one second are one link
        earlier.setattr(TimestampSigner, "get_timestamp", lambda self: int(time.time()) - 5)
        mine = shop.reset_link()
    of_stranger = shop.reset_link()
    assert of_stranger != mine
    visitor = shop.visitor()

    assert visitor.send(mine, **NEW_PASSWORD).location == "/login"
    assert visitor.get(of_stranger).location == "/reset", "the password that it was for has changed"


def test_links_that_are_too_old_are_kept_no_longer(shop: RunningShop) -> None:
    shop.customer()
    shop.reset_link()
    with shop.app.app_context():
        db.session.execute(update(ResetLink).values(at=utc_now() - timedelta(minutes=11)))
        db.session.commit()

    shop.command("prepaid", "tick")

    assert shop.rows()["reset_links"] == 0


def test_a_reset_link_dies_with_the_password_that_it_was_for(shop: RunningShop) -> None:
    customer = shop.customer()
    link = shop.reset_link()

    customer.send(
        "/change", password=PASSWORD, new_password="zq7-zq7-zq7", new_password_confirm="zq7-zq7-zq7"
    )

    assert shop.visitor().get(link).location == "/reset"


def test_a_reset_link_dies_with_the_address_that_it_went_to(shop: RunningShop) -> None:
    customer = shop.customer()
    link = shop.reset_link()

    customer.move_to("new@rando.test")

    assert shop.visitor().get(link).location == "/reset"


def test_a_new_address_counts_once_its_link_was_opened_and_the_old_one_gets_a_mail(shop: RunningShop) -> None:
    customer = shop.customer()

    customer.send("/change-email", email="New@rando.test")

    assert shop.visitor().login("pat@rando.test").status_code == 302
    assert shop.visitor().login("new@rando.test").status_code == 200
    customer.get(shop.links("/change-email")[-1])
    assert shop.visitor().login("pat@rando.test").status_code == 302
    customer.send(shop.links("/change-email")[-1])
    assert shop.visitor().login("pat@rando.test").status_code == 200
    assert shop.visitor().login("new@rando.test").status_code == 302
    assert "To: pat@rando.test" in shop.mails()[-1]
    assert "email_changed" in shop.actions()


def test_receipts_of_stripe_follow_to_the_new_address(shop: RunningShop) -> None:
    customer = shop.buyer()

    customer.move_to("new@rando.test")

    client = StripeClient("sk_test_emulator", http_client=shop.stripe.http_client())
    assert [at_stripe.email for at_stripe in client.v1.customers.list().data] == ["new@rando.test"]


def test_a_change_to_a_taken_address_is_answered_like_one_to_a_free_address(shop: RunningShop) -> None:
    shop.customer("taken@rando.test")
    customer = shop.customer("pat@rando.test")
    sent = len(shop.mails())

    answers = [customer.send("/change-email", email=f"{name}@rando.test") for name in ("taken", "free")]

    taken, free = (
        anonymous(answer.text, f"{name}@rando.test")
        for answer, name in zip(answers, ("taken", "free"), strict=True)
    )
    assert taken == free
    assert len(shop.mails()) == sent + 1


def test_a_changed_reset_link_is_refused(shop: RunningShop) -> None:
    shop.customer()
    visitor = shop.visitor()
    visitor.send("/reset", email="pat@rando.test")
    link = shop.links("/reset")[0]

    assert visitor.get(link[:-2]).location == "/reset"
    assert "This link works no more. Ask for a new one." in visitor.get("/reset").text


def test_what_becomes_of_a_password_is_said_in_the_words_of_the_shop(shop: RunningShop) -> None:
    customer = shop.customer()
    new = {"new_password": "zq7-zq7-zq7", "new_password_confirm": "zq7-zq7-zq7"}

    assert "The password is wrong." in customer.send("/change", password="not the one", **new).text
    assert "The password is wrong." in customer.send("/verify", password="not the one").text
    customer.send("/verify", password=PASSWORD)
    assert "Thank you. You can go on." in customer.get("/").text
    customer.send("/change", password=PASSWORD, **new)
    assert "Your password is changed." in customer.get("/user-profile").text
    customer.send("/logout")
    visitor = shop.visitor()
    visitor.send(shop.reset_link(), **NEW_PASSWORD)
    assert "Your password is changed. Sign in with it." in visitor.get("/login").text


@pytest.mark.parametrize("path", ["/login", "/reset"])
def test_a_known_address_is_answered_like_an_unknown_one(shop: RunningShop, path: str) -> None:
    shop.customer("known@rando.test")
    visitor = shop.visitor()

    def answer(email: str) -> tuple[int, str]:
        fields = {"password": "not the one"} if path == "/login" else {}
        sent = visitor.send(path, email=email, **fields)
        return sent.status_code, anonymous(sent.text, email)

    assert answer("known@rando.test") == answer("nobody@rando.test")


@pytest.mark.parametrize("path", ["/reset", "/register"])
def test_a_known_address_is_answered_as_fast_as_an_unknown_one(
    confirming_shop: RunningShop, limits_clock: StillClock, path: str
) -> None:
    shop = confirming_shop
    shop.visitor().register("known@rando.test")
    visitor, written_to = shop.visitor(), 0

    def takes_time(sender: object, **_: object) -> None:
        """The work for this address takes longer than for others."""
        nonlocal written_to
        written_to += 1
        limits_clock.sleep(0.1)

    def took_s(email: str) -> float:
        began_s = limits_clock.monotonic()
        choice = {"password": PASSWORD} if path == "/register" else {}
        visitor.send(path, email=email, **choice)
        return limits_clock.monotonic() - began_s

    signal = user_registered if path == "/register" else reset_password_instructions_sent
    with signal.connected_to(takes_time):
        answers_s = [took_s("known@rando.test"), took_s("nobody@rando.test")]

    assert written_to == 1
    assert answers_s == [pytest.approx(rates.STEADY_S)] * 2


def test_a_registration_tells_nobody_who_is_registered(confirming_shop: RunningShop) -> None:
    first = confirming_shop.visitor()
    first.register("pat@rando.test")
    answers = []
    for email in ("pat@rando.test", "new@rando.test"):
        visitor = confirming_shop.visitor()
        sent = visitor.register(email)
        answers.append((sent.status_code, sent.location, anonymous(visitor.get("/").text, email)))

    assert answers[0] == answers[1]
    assert confirming_shop.rows()["users"] == 2


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_a_registrations_cookies_and_json_tell_nobody_who_is_registered(
    confirming_shop: RunningShop, accept: str
) -> None:
    confirming_shop.visitor().register("pat@rando.test")
    answers = []
    for email in ("pat@rando.test", "sam@rando.test"):
        visitor = confirming_shop.visitor()
        page = forms(visitor.get("/register").text)["/register"]
        fields = {**page, "email": email, "password": PASSWORD}
        sent = visitor.client.post("/register", data=fields, headers={"Accept": accept})
        cookies = [re.sub(r"=[^;]*;", "=;", cookie, count=1) for cookie in sent.headers.getlist("Set-Cookie")]
        with visitor.client.session_transaction() as session:
            kept = {name: None if name == "csrf_token" else value for name, value in session.items()}
        answers.append(anonymous(f"{sent.status_code} {sent.location} {cookies} {kept} {sent.text}", email))

    assert answers[0] == answers[1]


def anonymous(page: str, email: str) -> str:
    """A page without what differs at each request."""
    page = re.sub(r'(name="(csrf_token|once)"[^>]*value=)"[^"]*"', r"\1", page)
    page = re.sub(r"<b>\d</b>|This \d was drawn|(?<=polite\">)\d", "", page)
    return page.replace(email, "EMAIL")


def test_an_unconfirmed_address_can_try_but_not_buy(confirming_shop: RunningShop) -> None:
    shop = confirming_shop
    customer = shop.visitor()
    customer.register("pat@rando.test")
    assert customer.get("/user-profile").status_code == 302

    customer.login("pat@rando.test")
    assert customer.draw().status_code == 200
    with shop.nothing_changes():
        assert customer.get("/buy-credits").status_code == 403
        token = re.search(r'name="csrf_token" value="([^"]+)"', customer.get("/").text)
        assert token is not None
        posted = customer.client.post("/buy-credits", data={"csrf_token": token[1], "credits": "10"})
        assert posted.status_code == 403

    customer.confirm()
    assert customer.get("/buy-credits").status_code == 200
