"""A form of the account that is pressed twice, one after the other or at once: nobody is refused."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from flask_prepaid.testing import Databases
from rando_number.accounts.proofs import last_moment
from rando_number.extensions import db
from rando_number.models import FormPress, SignIn

from ..reading import forms
from ..running_shop import NEW_PASSWORD, PASSWORD, RunningShop, Visitor
from ..serving import at_once
from .overtaking import overtaken
from .test_last_moment import Sent, makes_a_key, makes_recovery_codes, sets_a_second_factor
from .test_reset_meanwhile import (
    EMAIL,
    OTHERS,
    adds_a_passkey,
    changes_the_password,
    moves_to_another_address,
    state,
)
from .test_second_factor import give_passkey, set_up
from .test_sessions import is_in


def form(customer: Visitor, page: str, action: str | None = None, **fields: str) -> Sent:
    action = action or page
    return action, {"data": {**forms(customer.get(page).text)[action], **fields}}


def removes_a_passkey(customer: Visitor) -> Sent:
    give_passkey(customer.shop, "first")
    return form(customer, "/passkeys", "/passkeys/remove")


def turns_the_second_factor_off(customer: Visitor) -> Sent:
    set_up(customer)
    return form(customer, "/tf-setup", setup="disable")


def signs_out_everywhere(customer: Visitor) -> Sent:
    return form(customer, "/sessions", "/sessions/end-all")


def ends_another_session(customer: Visitor) -> Sent:
    customer.shop.visitor().login(customer.email)
    page = customer.get("/sessions").text
    (named,) = re.findall(r'name="id" value="(\w+)"', page)
    return "/sessions/end", {"data": {**forms(page)["/sessions/end"], "id": named}}


def ends_all_others(customer: Visitor) -> Sent:
    customer.shop.visitor().login(customer.email)
    action, sent = form(customer, "/sessions", "/sessions/end")
    sent["data"].pop("id", None)
    return action, sent


def closes_the_account(customer: Visitor) -> Sent:
    return form(customer, "/close-account")


def resets_the_password(customer: Visitor) -> Sent:
    link = customer.shop.reset_link(customer.email)
    customer.send("/logout", form_of="/logout")
    return form(customer, link, **NEW_PASSWORD)


def revokes_a_key(customer: Visitor) -> Sent:
    customer.make_key("mine")
    (action,) = [path for path in forms(customer.get("/api-keys").text) if path.endswith("/revoke")]
    return form(customer, "/api-keys", action)


def limits_a_key(customer: Visitor) -> Sent:
    customer.make_key("mine")
    page = customer.get("/api-keys").text
    link = re.search(r'href="(/api-keys/limits\?key=\d+)"', page)
    assert link is not None, page
    hidden = forms(customer.client.get(link[1]).text)["/api-keys/limits"]
    return link[1], {"data": {**hidden, "limit": "5", "every": "month"}}


#: What each form says when it has done what it says, and where it leads: ``None`` is a page of its own.
FORMS: dict[Callable[[Visitor], Sent], tuple[str | None, str]] = {
    changes_the_password: ("/user-profile", "Your password is changed."),
    moves_to_another_address: ("/user-profile", "Your address is changed."),
    adds_a_passkey: ("/passkeys", "The passkey theirs is set up."),
    removes_a_passkey: ("/passkeys", "The passkey stick is removed."),
    sets_a_second_factor: ("/mf-recovery-codes", ""),
    turns_the_second_factor_off: ("/tf-setup", "Two-step sign-in is off."),
    signs_out_everywhere: ("/login", "You are signed out everywhere."),
    ends_another_session: ("/sessions", "That session has ended."),
    ends_all_others: ("/sessions", "Every other session has ended."),
    closes_the_account: ("/", "Your account is closed."),
    resets_the_password: ("/login", "Your password is changed. Sign in with it."),
    revokes_a_key: ("/api-keys", "The key has been revoked."),
    limits_a_key: ("/api-keys/limits", "Your limit is saved."),
}


def the_same_browser(customer: Visitor) -> FlaskClient:
    """The browser with the cookie that it has now."""
    cookie = customer.client.get_cookie("session")
    client: FlaskClient = customer.shop.app.test_client()
    if cookie is not None:
        client.set_cookie("session", cookie.value)
    return client


def press(client: FlaskClient, path: str, sent: dict[str, Any]) -> tuple[str | None, str]:
    """Where a press leads, and what is said there."""
    answer = client.post(path, buffered=True, **sent)
    if answer.location is None:
        assert answer.status_code == 200, (answer.status_code, answer.text)
        return None, answer.text
    return urlsplit(answer.location).path, client.get(answer.location).text


def is_done(seen: tuple[str | None, str], doing: Callable[[Visitor], Sent]) -> bool:
    place, words = FORMS[doing]
    return seen[0] == place and words in seen[1]


@pytest.mark.parametrize("doing", FORMS, ids=lambda doing: doing.__name__)
def test_a_second_press_after_the_first_gets_its_answer(
    any_shop: RunningShop, doing: Callable[[Visitor], Sent]
) -> None:
    customer = any_shop.customer(EMAIL)
    path, sent = doing(customer)
    second = the_same_browser(customer)
    first = press(customer.client, path, sent)
    after, mails = state(any_shop), len(any_shop.mails())

    again = press(second, path, sent)

    assert is_done(first, doing), first
    assert is_done(again, doing), again
    assert state(any_shop) == after
    assert len(any_shop.mails()) == mails


@pytest.mark.parametrize("together", [True, False], ids=["at once", "one after the other"])
def test_who_registers_by_two_presses_is_welcomed_and_signed_in(
    any_shop: RunningShop, together: bool
) -> None:
    visitor = any_shop.visitor()
    visitor.get("/register")
    written = {"email": EMAIL, "password": PASSWORD, "password_confirm": PASSWORD}
    path, sent = form(visitor, "/register", **written)
    tabs = [the_same_browser(visitor) for _ in range(2)]

    seen = (
        at_once(2, lambda number: press(tabs[number], path, sent))
        if together
        else [press(tab, path, sent) for tab in tabs]
    )

    assert ["Welcome. 3 credits are yours" in words for _, words in seen] == [True, True]
    assert [tab.get("/user-profile").status_code for tab in tabs] == [200, 200]
    assert state(any_shop)["keys"] == []


@pytest.mark.parametrize("doing", FORMS, ids=lambda doing: doing.__name__)
def test_of_two_presses_at_once_both_get_the_good_answer(
    any_shop: RunningShop, doing: Callable[[Visitor], Sent]
) -> None:
    customer = any_shop.customer(EMAIL)
    path, sent = doing(customer)
    tabs = [the_same_browser(customer) for _ in range(3)]

    seen = at_once(len(tabs), lambda number: press(tabs[number], path, sent))

    assert [is_done(each, doing) for each in seen] == [True] * len(tabs), [each[0] for each in seen]


OF_THE_LAST_MOMENT = [
    *(changes_the_password, moves_to_another_address, adds_a_passkey, removes_a_passkey),
    *(sets_a_second_factor, turns_the_second_factor_off, resets_the_password),
]


@pytest.mark.parametrize("doing", OF_THE_LAST_MOMENT, ids=lambda doing: doing.__name__)
def test_a_press_that_the_second_one_overtakes_gets_its_answer(
    any_shop: RunningShop, doing: Callable[[Visitor], Sent]
) -> None:
    customer = any_shop.customer(EMAIL)
    path, sent = doing(customer)
    tab, quick = the_same_browser(customer), []

    def late() -> TestResponse:
        return tab.post(path, buffered=True, **sent)

    answer = overtaken(
        late, lambda: quick.append(press(customer.client, path, sent)), before=(last_moment, "has_ended")
    )

    assert is_done(quick[0], doing), quick
    assert is_done((urlsplit(answer.location).path, tab.get(answer.location).text), doing)


def test_whoever_changed_the_password_by_two_presses_is_signed_in(any_shop: RunningShop) -> None:
    customer = any_shop.customer(EMAIL)
    path, sent = changes_the_password(customer)
    second = the_same_browser(customer)
    customer.client.post(path, **sent)

    second.post(path, **sent)

    assert second.get("/user-profile").status_code == 200
    assert is_in(customer)


@pytest.mark.parametrize("ends", ["sign out everywhere", "reset", "a minute"])
def test_a_second_press_opens_nothing_that_has_been_shut_since(shop: RunningShop, ends: str) -> None:
    """Whoever took over an account, and changed its password, presses once more after its owner has acted."""
    customer = shop.customer(EMAIL)
    path, sent = changes_the_password(customer)
    second = the_same_browser(customer)
    customer.client.post(path, **sent)
    if ends == "reset":
        shop.visitor().send(shop.reset_link(), **NEW_PASSWORD)
    elif ends == "sign out everywhere":
        customer.send("/sessions/end-all", form_of="/sessions")
    else:
        with shop.app.app_context():
            for kept in db.session.query(FormPress):
                kept.at -= timedelta(minutes=2)
            db.session.commit()

    second.post(path, **sent)

    assert second.get("/user-profile").status_code == 302


def test_tick_forgets_presses_and_sign_ins_that_are_over(shop: RunningShop) -> None:
    customer = shop.customer(EMAIL)
    path, sent = changes_the_password(customer)
    customer.client.post(path, **sent)
    late = shop.visitor()
    late.login(EMAIL, OTHERS)

    def rows() -> tuple[int, int]:
        with shop.app.app_context():
            return db.session.query(FormPress).count(), db.session.query(SignIn).count()

    before = rows()
    assert shop.command("prepaid", "tick").exit_code == 0
    while_they_count = rows()
    with shop.app.app_context():
        for kept in db.session.query(FormPress):
            kept.at -= timedelta(minutes=2)
        first = db.session.query(SignIn).order_by(SignIn.created_at).first()
        assert first is not None
        first.created_at -= timedelta(days=31)
        db.session.commit()
    shop.command("prepaid", "tick")

    assert (before, while_they_count, rows()) == ((2, 2), (2, 2), (0, 1))
    assert is_in(late)


def test_another_wish_is_no_second_press(shop: RunningShop) -> None:
    customer = shop.customer(EMAIL)
    path, sent = changes_the_password(customer)
    second = the_same_browser(customer)
    customer.client.post(path, **sent)

    other = {**sent["data"], "new_password": "yk9-yk9-yk9", "new_password_confirm": "yk9-yk9-yk9"}
    answer = second.post(path, data=other)

    assert answer.location.startswith("/login")
    assert shop.visitor().login(EMAIL, OTHERS).location == "/"


def test_the_key_that_two_presses_make_is_one_and_both_show_it(any_shop: RunningShop) -> None:
    customer = any_shop.customer(EMAIL)
    path, sent = makes_a_key(customer)
    tabs = [the_same_browser(customer) for _ in range(3)]

    pages = at_once(3, lambda number: tabs[number].post(path, buffered=True, **sent))
    later = the_same_browser(customer).post(path, **sent)

    shown = {re.findall(r"rn_[\w-]{20,}", page.text)[0] for page in (*pages, later)}
    assert len(shown) == 1
    assert state(any_shop)["keys"] == ["a late one"]
    assert (
        any_shop.visitor()
        .client.get("/api/v1/balance", headers={"Authorization": f"Bearer {shown.pop()}"})
        .status_code
        == 200
    )


def test_a_key_is_not_shown_again_once_it_is_revoked(shop: RunningShop) -> None:
    customer = shop.customer(EMAIL)
    path, sent = makes_a_key(customer)
    customer.client.post(path, **sent)
    (action,) = [path for path in forms(customer.get("/api-keys").text) if path.endswith("/revoke")]
    customer.send(action, form_of="/api-keys")

    answer = customer.client.post(path, **sent)

    assert answer.status_code == 422
    assert "This form has made a key already." in answer.text
    assert "rn_" not in answer.text


def test_the_codes_that_the_last_press_shows_are_those_that_open(any_shop: RunningShop) -> None:
    customer = any_shop.customer(EMAIL)
    set_up(customer)
    path, sent = makes_recovery_codes(customer)
    sent["data"]["generate_new_codes"] = "1"
    tabs = [the_same_browser(customer) for _ in range(3)]

    def press_and_look(number: int) -> tuple[float, list[str]]:
        _, page = press(tabs[number], path, sent)
        return time.monotonic(), codes_on(page)

    seen = at_once(3, press_and_look)

    valid = codes_on(customer.get(path, show_codes="1").text)
    assert max(seen)[1] == valid, "a press that begins after another is done makes new codes"


def codes_on(page: str) -> list[str]:
    shown = re.search(r'id="recovery-codes">([^<]+)<', page)
    assert shown is not None, page
    return shown[1].split()


@pytest.fixture(params=["sqlite", "postgresql"])
def strict_shop(
    request: pytest.FixtureRequest, databases: Databases, tmp_path: Path
) -> Iterator[RunningShop]:
    """A shop where an address is confirmed, on each kind of database."""
    url = databases.fresh(request.param)
    shop = RunningShop(
        tmp_path, DATABASE_URL=url.render_as_string(hide_password=False), RANDO_CONFIRM_EMAIL="1"
    )
    yield shop
    assert shop.audit() == []
    with shop.app.app_context():
        db.engine.dispose()
    databases.drop(url)


@pytest.mark.parametrize("known", [True, False], ids=["signed in", "by the password"])
@pytest.mark.parametrize("together", [True, False], ids=["at once", "one after the other"])
def test_an_address_is_confirmed_by_two_presses(
    strict_shop: RunningShop, known: bool, together: bool
) -> None:
    customer = strict_shop.visitor()
    customer.register(EMAIL)
    if known:
        customer.login(EMAIL)
    link = strict_shop.links("/confirm")[-1]
    path, sent = form(customer, link, **({} if known else {"password": PASSWORD}))
    tabs = [the_same_browser(customer) for _ in range(2)]

    seen = (
        at_once(2, lambda number: press(tabs[number], path, sent))
        if together
        else [press(tab, path, sent) for tab in tabs]
    )

    assert [place for place, _ in seen] == ["/", "/"]
    assert ["Your address is confirmed." in words for _, words in seen] == [True, True]
    assert [tab.get("/user-profile").status_code for tab in tabs] == [200, 200]


def test_a_copy_of_a_form_that_signed_in_signs_nobody_in_after_the_logout(shop: RunningShop) -> None:
    pat = shop.customer("pat@rando.test")
    tab = pat.another_tab()
    page = forms(pat.get("/change").text)["/change"]
    new = NEW_PASSWORD["password"]
    fields = {**page, "password": PASSWORD, "new_password": new, "new_password_confirm": new}
    copy = pat.another_tab()
    assert pat.client.post("/change", data=fields).status_code == 302
    again = tab.post("/change", data=fields)
    assert (again.status_code, again.location) == (303, "/user-profile"), "the second press of a form"

    pat.send("/logout", form_of="/logout")

    sent = copy.post("/change", data=fields)
    cookies = "; ".join(cookie.partition(";")[0] for cookie in sent.headers.getlist("Set-Cookie"))
    assert copy.get("/user-profile", headers={"Cookie": cookies}).status_code == 302
