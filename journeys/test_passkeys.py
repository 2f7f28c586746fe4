"""Passkeys, with the browser's own stand-in for a phone or a stick that keeps them."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from playwright.sync_api import CDPSession, Page, Request, expect

from .conftest import Running
from .test_newcomer import PASSWORD, register

#: A phone: it knows who holds it, and which account a key is for.
PHONE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}

#: A stick of the plain sort: whoever has it may press it.
STICK = {**PHONE, "transport": "usb", "hasResidentKey": False, "hasUserVerification": False}


class Device:
    """What keeps the keys of one browser; ``refuse`` has it say no to everything."""

    def __init__(self, page: Page, kind: dict[str, Any]) -> None:
        self.session: CDPSession = page.context.new_cdp_session(page)
        self.session.send("WebAuthn.enable")
        made = self.session.send("WebAuthn.addVirtualAuthenticator", {"options": kind})
        self.id = made["authenticatorId"]

    def refuse(self) -> None:
        self.session.send("WebAuthn.setUserVerified", {"authenticatorId": self.id, "isUserVerified": False})


def at(shop: Running) -> str:
    """The shop by a name: a passkey is for a name, and numbers are none."""
    return f"http://localhost:{shop.port}"


def sign_up(page: Page, shop: Running, email: str) -> None:
    register(page, shop, email, url=at(shop))


def add(page: Page, shop: Running, name: str, what: str) -> None:
    page.goto(f"{at(shop)}/passkeys")
    page.get_by_label("Name").fill(name)
    page.get_by_label(what).check()
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_text(f"The passkey {name} is set up.")).to_be_visible()


def log_out(page: Page) -> None:
    page.get_by_role("button", name="Logout").click()
    expect(page.get_by_role("link", name="Sign in").first).to_be_visible()


def give_password(page: Page, shop: Running, email: str) -> None:
    page.goto(f"{at(shop)}/login")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def is_in(page: Page, shop: Running) -> bool:
    ours = {"Sec-Fetch-Site": "same-origin"}
    return page.request.get(f"{at(shop)}/api/v1/balance", headers=ours).status == 200


def answers_of(page: Page) -> list[Request]:
    """What a passkey answers from now on, as it goes over the line."""
    sent: list[Request] = []

    def note(request: Request) -> None:
        if "/login/passkey/" in request.url:
            sent.append(request)

    page.on("request", note)
    return sent


def count_nothing(shop: Running) -> None:
    """Have each passkey look like one that is kept on several devices: it counts no answers."""
    with closing(sqlite3.connect(shop.data / "rando.sqlite3")) as database, database:
        database.execute("UPDATE passkeys SET sign_count = 0")


@pytest.mark.browser
def test_a_phone_signs_in_alone_and_an_answer_that_was_seen_opens_nothing(page: Page, shop: Running) -> None:
    Device(page, PHONE)
    sign_up(page, shop, "phone@journey.test")
    add(page, shop, "my phone", "Signs you in alone")
    log_out(page)

    sent = answers_of(page)
    page.goto(f"{at(shop)}/usage")
    page.get_by_role("link", name="Sign in with a passkey").click()
    page.get_by_role("button", name="Use your passkey").click()

    expect(page).to_have_url(f"{at(shop)}/usage")
    seen = sent[0]
    log_out(page)
    count_nothing(shop)
    token = page.request.get(f"{at(shop)}/login").text().split('name="csrf_token"')[1].split('value="')[1]
    forged = re.sub(r"csrf_token=[^&]*", f"csrf_token={token.split(chr(34))[0]}", seen.post_data or "")
    copied = page.request.post(
        seen.url, data=forged, headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert "has been used" in copied.text()
    assert not is_in(page, shop)


@pytest.mark.browser
def test_a_stick_is_asked_for_on_top_of_the_password_until_it_is_removed(page: Page, shop: Running) -> None:
    Device(page, STICK)
    sign_up(page, shop, "stick@journey.test")
    add(page, shop, "stick", "Is asked for on top")
    log_out(page)

    give_password(page, shop, "stick@journey.test")
    expect(page.get_by_role("heading", name="Now your passkey")).to_be_visible()
    assert not is_in(page, shop)
    page.get_by_role("button", name="Use your passkey").click()

    expect(page.get_by_role("button", name="Logout")).to_be_visible()
    page.goto(f"{at(shop)}/passkeys")
    page.get_by_role("button", name="Remove stick").click()
    expect(page.get_by_text("The passkey stick is removed.")).to_be_visible()
    log_out(page)
    give_password(page, shop, "stick@journey.test")
    expect(page.get_by_role("button", name="Logout")).to_be_visible()


@pytest.mark.browser
def test_a_phone_that_does_not_know_who_holds_it_lets_nobody_in(page: Page, shop: Running) -> None:
    phone = Device(page, PHONE)
    sign_up(page, shop, "stolen@journey.test")
    add(page, shop, "my phone", "Signs you in alone")
    log_out(page)
    phone.refuse()

    page.goto(f"{at(shop)}/login/passkey")
    page.get_by_role("button", name="Use your passkey").click()

    expect(page.get_by_text("No passkey was used.")).to_be_visible()
    page.get_by_role("link", name="Try again").click()
    page.get_by_role("link", name="Use your password instead").click()
    give_password(page, shop, "stolen@journey.test")
    expect(page.get_by_role("button", name="Logout")).to_be_visible()
