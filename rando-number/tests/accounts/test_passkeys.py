"""Passkeys: each opens its own account, in the step that it is for, once."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import update
from werkzeug.test import TestResponse

from rando_number.extensions import db
from rando_number.models import Passkey

from ..reading import forms
from ..running_shop import RunningShop, Visitor
from .soft_key import PRESENT, SoftKey
from .test_second_factor import set_up
from .test_sessions import is_in

PAT, SAM = "pat@rando.test", "sam@rando.test"


def with_passkey(customer: Visitor, usage: str) -> SoftKey:
    key = SoftKey()
    page = customer.send("/passkeys", name=f"for {usage}", usage=usage).text
    (action,) = [path for path in forms(page) if path.startswith("/passkeys/")]
    added = customer.client.post(action, data={**forms(page)[action], "credential": key.made_for(page)})
    assert "is set up" in customer.get(added.location).text
    return key


def asked_for_a_passkey(visitor: Visitor, at: str = "/login/passkey") -> str:
    return visitor.send(at).text


def sends(visitor: Visitor, page: str, credential: str, *, hidden_of: str | None = None) -> TestResponse:
    """Send a credential as the form of ``page`` does; ``hidden_of``: with this page's guard of the form."""
    (action,) = [path for path in forms(page) if "/passkey/" in path]
    (own,) = [path for path in forms(hidden_of or page) if "/passkey/" in path]
    hidden = forms(hidden_of or page)[own]
    return visitor.client.post(action, data={**hidden, "credential": credential})


@pytest.mark.parametrize("own_factor", ["a passkey", "an authenticator"])
def test_a_second_step_takes_no_key_of_another_account(shop: RunningShop, own_factor: str) -> None:
    sam = shop.customer(SAM)
    key_of_sam = with_passkey(sam, "secondary")
    pat = shop.customer(PAT)
    _ = with_passkey(pat, "secondary") if own_factor == "a passkey" else set_up(pat)
    halfway = shop.visitor()
    halfway.login(PAT)

    page = asked_for_a_passkey(halfway)
    sends(halfway, page, key_of_sam.answer(page, holder=PRESENT))

    assert not is_in(halfway)


def test_a_second_step_takes_the_key_of_whose_password_it_was(shop: RunningShop) -> None:
    key = with_passkey(shop.customer(PAT), "secondary")
    halfway = shop.visitor()
    halfway.login(PAT)

    page = asked_for_a_passkey(halfway)
    sends(halfway, page, key.answer(page, holder=PRESENT))

    assert is_in(halfway)


def test_a_key_that_signs_in_alone_has_to_know_its_holder_whatever_page_it_answers(shop: RunningShop) -> None:
    key_of_sam = with_passkey(shop.customer(SAM), "first")
    with_passkey(shop.customer(PAT), "secondary")
    thief = shop.visitor()
    first_step = asked_for_a_passkey(thief)
    thief.login(PAT)
    second_step = asked_for_a_passkey(thief)
    stolen = key_of_sam.answer(second_step, holder=PRESENT)
    thief.get("/login")  # begins anew: halfway in no more

    sends(thief, second_step, stolen)

    assert not is_in(thief)
    sends(thief, first_step, key_of_sam.answer(first_step))
    assert is_in(thief), "the same key, held by who it knows"


def test_verifying_takes_no_key_that_does_not_know_its_holder(shop: RunningShop) -> None:
    pat = shop.customer(PAT)
    key = with_passkey(pat, "first")
    with_passkey(pat, "secondary")
    with pat.client.session_transaction() as session:
        session["fs_paa"] = 0
        session.pop("fs_gexp", None)
    page = asked_for_a_passkey(pat, "/verify/passkey")

    sends(pat, page, key.answer(page, holder=PRESENT))

    assert pat.get("/close-account").status_code == 302
    page = asked_for_a_passkey(pat, "/verify/passkey")
    sends(pat, page, key.answer(page))
    assert pat.get("/close-account").status_code == 200


def test_a_challenge_of_one_browser_is_answered_in_no_other(shop: RunningShop) -> None:
    key = with_passkey(shop.customer(PAT), "first")
    browser, other = shop.visitor(), shop.visitor()
    page, page_of_other = asked_for_a_passkey(browser), asked_for_a_passkey(other)

    sends(other, page, key.answer(page), hidden_of=page_of_other)

    assert not is_in(other)
    sends(browser, page, key.answer(page))
    assert is_in(browser)


def test_a_passkey_that_was_used_by_a_clock_ahead_opens_its_account_still(shop: RunningShop) -> None:
    key = with_passkey(shop.customer(PAT), "first")
    tomorrow = time.time_ns() + 86_400 * 10**9
    with shop.app.app_context():
        db.session.execute(update(Passkey).values(answered=f"{tomorrow:020d}"))
        db.session.commit()
    browser = shop.visitor()
    page = asked_for_a_passkey(browser)
    copy = key.answer(page)

    sends(browser, page, copy)
    assert is_in(browser)
    browser.send("/logout")
    sends(browser, page, copy)

    assert not is_in(browser)


def test_a_copy_of_an_answer_opens_nothing_after_the_next_answer_either(shop: RunningShop) -> None:
    key = with_passkey(shop.customer(PAT), "first")
    browser = shop.visitor()
    page = first_page = asked_for_a_passkey(browser)
    copy, cookie = key.answer(page), browser.client.get_cookie("session")
    assert cookie is not None
    for _ in range(2):
        sends(browser, page, key.answer(page))
        assert is_in(browser)
        browser.send("/logout")
        thief = shop.visitor()
        thief.client.set_cookie("session", cookie.value)
        sends(thief, first_page, copy)
        assert not is_in(thief)
        page = asked_for_a_passkey(browser)
