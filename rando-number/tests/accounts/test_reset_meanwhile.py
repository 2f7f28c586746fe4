"""What somebody is just doing to an account while its owner resets the password, or signs out everywhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.test import TestResponse

from rando_number.accounts.passwords import Passwords
from rando_number.accounts.proofs import last_moment, links
from rando_number.accounts.second_factor import OnceOnly
from rando_number.accounts.setup import users
from rando_number.config.security import ARGON2
from rando_number.extensions import db
from rando_number.models import Passkey, User

from ..reading import forms
from ..running_shop import NEW_PASSWORD, PASSWORD, RunningShop, Visitor
from .overtaking import overtaken
from .soft_key import made_for
from .test_last_moment import Sent, makes_a_key, makes_recovery_codes, sets_a_second_factor
from .test_second_factor import give_password, set_up
from .test_sessions import is_in

EMAIL = "pat@rando.test"
OWNERS = NEW_PASSWORD["password"]
OTHERS = "xk9-xk9-xk9"


def opens(shop: RunningShop, password: str) -> bool:
    return shop.visitor().login(EMAIL, password).status_code == 302


def is_sqlite(shop: RunningShop) -> bool:
    with shop.app.app_context():
        return db.engine.dialect.name == "sqlite"


def reset(shop: RunningShop, link: str) -> TestResponse:
    return shop.visitor().send(link, **NEW_PASSWORD)


def changes_the_password(customer: Visitor) -> Sent:
    fields = {"password": PASSWORD, "new_password": OTHERS, "new_password_confirm": OTHERS}
    return "/change", {"data": {**forms(customer.get("/change").text)["/change"], **fields}}


def moves_to_another_address(customer: Visitor) -> Sent:
    customer.send("/change-email", email="theirs@rando.test")
    link = customer.shop.links("/change-email")[-1]
    return link, {"data": forms(customer.get(link).text)[link]}


def adds_a_passkey(customer: Visitor) -> Sent:
    page = customer.send("/passkeys", name="theirs", usage="first").text
    (action,) = [path for path in forms(page) if path.startswith("/passkeys/")]
    return action, {"data": {**forms(page)[action], "credential": made_for(page)}}


def state(shop: RunningShop) -> dict[str, Any]:
    """What opens the account, beside its sessions."""
    with shop.app.app_context():
        user = db.session.scalars(select(User)).one()
        fields = ("email", "password", "tf_primary_method", "tf_totp_secret", "mf_recovery_codes")
        return {
            **{field: getattr(user, field) for field in fields},
            "passkeys": [key.name for key in db.session.scalars(select(Passkey))],
            "keys": [key.name for key in shop.prepaid.keys(user.owner)],
        }


#: What an intruder can do to an account, from a browser that is signed in.
DONE = [
    changes_the_password,
    moves_to_another_address,
    adds_a_passkey,
    makes_a_key,
    makes_recovery_codes,
    sets_a_second_factor,
]


def test_each_of_these_is_done_where_nobody_is_quicker(shop: RunningShop) -> None:
    for doing in DONE:
        customer = shop.customer(f"{doing.__name__}@rando.test")
        path, sent = doing(customer)
        assert customer.client.post(path, **sent).status_code in (200, 302), doing


@pytest.mark.parametrize("doing", DONE)
def test_what_a_reset_overtakes_is_not_done(any_shop: RunningShop, doing: Callable[[Visitor], Sent]) -> None:
    intruder = any_shop.customer(EMAIL)
    path, sent = doing(intruder)
    tab, link = intruder.another_tab(), any_shop.reset_link()

    def owner_resets() -> None:
        assert reset(any_shop, link).location == "/login"

    before = state(any_shop)
    late = overtaken(
        lambda: tab.post(path, buffered=True, **sent), owner_resets, before=(last_moment, "has_ended")
    )

    assert late.status_code == 401
    assert {**state(any_shop), "password": None} == {**before, "password": None}
    assert not is_in(intruder)
    assert any_shop.rows()["sign_ins"] == 0
    assert [opens(any_shop, password) for password in (PASSWORD, OTHERS, OWNERS)] == [False, False, True]


@pytest.mark.parametrize("doing", DONE)
def test_what_a_sign_out_everywhere_overtakes_is_not_done(
    any_shop: RunningShop, doing: Callable[[Visitor], Sent]
) -> None:
    intruder, owner = any_shop.customer(EMAIL), any_shop.visitor()
    owner.login(EMAIL)
    path, sent = doing(intruder)
    tab, before = intruder.another_tab(), state(any_shop)

    late = overtaken(
        lambda: tab.post(path, buffered=True, **sent),
        lambda: owner.send("/sessions/end-all", form_of="/sessions"),
        before=(last_moment, "has_ended"),
    )

    assert late.status_code == 401
    assert state(any_shop) == before
    assert any_shop.rows()["sign_ins"] == 0


@pytest.mark.parametrize(
    ("doing", "place"),
    [
        (changes_the_password, (Passwords, "validate")),
        (moves_to_another_address, (links, "change_of_link")),
    ],
)
@pytest.mark.parametrize("ends", ["reset", "sign out everywhere", "command"])
def test_sqlite_refuses_it_in_its_midst_too(
    shop: RunningShop, doing: Callable[[Visitor], Sent], place: tuple[Any, str], ends: str
) -> None:
    """On PostgreSQL whoever ends a sign-in waits from the beginning."""
    intruder, owner = shop.customer(EMAIL), shop.visitor()
    owner.login(EMAIL)
    path, sent = doing(intruder)
    tab, link = intruder.another_tab(), shop.reset_link()
    before = state(shop)

    def end() -> None:
        if ends == "reset":
            assert reset(shop, link).location == "/login"
        elif ends == "command":
            assert shop.command("rando", "end-sessions", EMAIL).exit_code == 0
        else:
            owner.send("/sessions/end-all", form_of="/sessions")

    late = overtaken(lambda: tab.post(path, buffered=True, **sent), end, after=place)

    assert late.status_code == 401
    assert state(shop)["email"] == EMAIL
    assert (state(shop)["password"] == before["password"]) is (ends != "reset")
    assert not opens(shop, OTHERS)
    assert not any("theirs@rando.test" in mail and "changed" in mail for mail in shop.mails())


@pytest.mark.parametrize("doing", [changes_the_password, moves_to_another_address])
def test_a_reset_that_another_change_overtakes_is_refused_like_a_link_that_is_used(
    any_shop: RunningShop, doing: Callable[[Visitor], Sent]
) -> None:
    """One after the other it is refused, too: the link is for the password and the address before."""
    customer = any_shop.customer(EMAIL)
    path, sent = doing(customer)
    link, late = any_shop.reset_link(), any_shop.visitor()
    fields = {**forms(late.get(link).text)[link], **NEW_PASSWORD}
    mails = len(any_shop.mails())

    refused = overtaken(
        lambda: late.client.post(link, data=fields, buffered=True),
        lambda: customer.client.post(path, **sent),
        after=(Passwords, "validate"),
    )

    assert refused.status_code == 409
    assert "Your account has just changed" in refused.text
    assert is_in(customer)
    assert len(any_shop.mails()) == mails + 1, "of the change alone"
    assert late.get(link).location == "/reset"
    email = state(any_shop)["email"]
    assert any_shop.visitor().login(email, OWNERS).status_code == 200


def test_of_two_resets_by_one_link_at_once_one_holds(any_shop: RunningShop) -> None:
    any_shop.customer(EMAIL)
    link, late = any_shop.reset_link(), any_shop.visitor()
    fields = {**forms(late.get(link).text)[link], "password": OTHERS, "password_confirm": OTHERS}

    refused = overtaken(
        lambda: late.client.post(link, data=fields, buffered=True),
        lambda: reset(any_shop, link),
        after=(Passwords, "validate"),
    )

    assert refused.status_code == 409
    assert [opens(any_shop, password) for password in (PASSWORD, OTHERS, OWNERS)] == [False, False, True]


def signs_in(shop: RunningShop, password: str = PASSWORD) -> Callable[[], TestResponse]:
    visitor = shop.visitor()
    fields = {**forms(visitor.get("/login").text)["/login"], "email": EMAIL, "password": password}
    return lambda: visitor.client.post("/login", data=fields, buffered=True)


def test_a_sign_in_with_the_password_before_a_reset_leaves_no_session(any_shop: RunningShop) -> None:
    any_shop.customer(EMAIL)
    link = any_shop.reset_link()

    late = overtaken(
        signs_in(any_shop), lambda: reset(any_shop, link), after=(User, "verify_and_update_password")
    )

    assert late.status_code == 409
    assert any_shop.rows()["sign_ins"] == 0
    assert opens(any_shop, OWNERS)


def test_a_password_that_a_sign_in_hashes_anew_does_not_come_back_over_a_reset(
    any_shop: RunningShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    any_shop.customer(EMAIL)
    link = any_shop.reset_link()
    monkeypatch.setitem(ARGON2, "argon2__time_cost", 2)
    url = any_shop.app.config["SQLALCHEMY_DATABASE_URI"]
    dearer = RunningShop(any_shop.data, DATABASE_URL=url)

    late = overtaken(
        signs_in(dearer), lambda: reset(any_shop, link), after=(User, "verify_and_update_password")
    )

    assert late.status_code == 409
    assert [opens(any_shop, password) for password in (PASSWORD, OWNERS)] == [False, True]
    with dearer.app.app_context():
        db.engine.dispose()


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/tf-validate", (OnceOnly, "set_last_counter")),
        ("/mf-recovery", (type(users), "mf_delete_recovery_code")),
    ],
)
def test_one_code_in_two_browsers_at_once_opens_one(
    any_shop: RunningShop, path: str, place: tuple[Any, str]
) -> None:
    customer = any_shop.customer(EMAIL)
    phone = set_up(customer)
    shown = customer.get("/mf-recovery-codes", show_codes="1").text
    codes = re.search(r'id="recovery-codes">([^<]+)<', shown)
    assert codes is not None
    code = phone.code() if path == "/tf-validate" else codes[1].split()[0]
    late, quick = give_password(any_shop), give_password(any_shop)
    fields = {**forms(late.get(path).text)[path], "code": code}

    refused = overtaken(
        lambda: late.client.post(path, data=fields, buffered=True),
        lambda: quick.send(path, code=code),
        after=place,
    )

    assert refused.status_code == 409
    assert is_in(quick)
    assert not is_in(late)


def test_an_account_that_changed_since_it_was_read_is_not_written_over(any_shop: RunningShop) -> None:
    any_shop.customer(EMAIL)
    with any_shop.app.app_context():
        user = db.session.scalars(select(User)).one()
        with db.engine.begin() as others:
            others.execute(update(User).values(version=User.version + 1))
        user.password = "another"
        with pytest.raises(StaleDataError):
            db.session.commit()
