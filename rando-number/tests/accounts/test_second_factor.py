"""The second factor: a code from the phone, or a passkey, on top of the password."""

from __future__ import annotations

import base64
import hmac
import re
import time
from urllib.parse import unquote, urlsplit

import pytest
from sqlalchemy import select

from rando_number.extensions import db
from rando_number.models import User

from ..conftest import CODES_AT_S
from ..reading import forms
from ..running_shop import PASSWORD, RunningShop, Visitor

WRONG_CODE = "This is not the code that the app shows now. Wait for the next one, and type that."


class Phone:
    """An authenticator app that holds one key."""

    def __init__(self, page: str) -> None:
        key = re.search(r'id="totp-key">([^<]+)<', page)
        assert key is not None, page
        self.key = base64.b32decode(key[1].replace("-", ""))

    def code(self, steps_ago: int = 0) -> str:
        """https://www.rfc-editor.org/rfc/rfc6238"""
        step = CODES_AT_S // 30 - steps_ago
        digest = hmac.digest(self.key, step.to_bytes(8, "big"), "sha1")
        at = digest[-1] & 15
        return f"{(int.from_bytes(digest[at : at + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06}"


def set_up(customer: Visitor) -> Phone:
    """Turn the second factor on, with a code of the half-minute before: the present one stays unused."""
    page = customer.send("/tf-setup", setup="authenticator").text
    phone = Phone(page)
    form = next(path for path in forms(page) if path.startswith("/tf-setup/"))
    wrong = customer.client.post(form, data={**forms(page)[form], "code": "000000"})
    assert (wrong.status_code, Phone(wrong.text).key) == (422, phone.key), "the same code to scan"
    answer = customer.client.post(form, data={**forms(page)[form], "code": phone.code(steps_ago=1)})
    assert answer.location == "/mf-recovery-codes?show_codes=1", answer.text
    return phone


def give_password(shop: RunningShop) -> Visitor:
    visitor = shop.visitor()
    answer = visitor.login("pat@rando.test")
    assert answer.location.startswith("/tf-validate"), answer.location
    assert visitor.get("/user-profile").status_code == 302
    return visitor


def test_a_code_is_asked_for_after_the_password(shop: RunningShop) -> None:
    phone = set_up(shop.customer())
    visitor = give_password(shop)

    let_in = visitor.send("/tf-validate", code=phone.code())

    assert let_in.location == "/"
    assert "You are signed in." in visitor.get("/").text
    assert visitor.get("/user-profile").status_code == 200
    assert "second_factor_set" in shop.actions()


def test_a_wrong_code_is_explained_and_its_field_waits_empty_for_the_next(shop: RunningShop) -> None:
    set_up(shop.customer())

    page = give_password(shop).send("/tf-validate", code="000000").text

    assert WRONG_CODE in page
    (field,) = re.findall(r'<input[^>]* name="code"[^>]*>', page)
    assert 'value=""' in field
    assert " autofocus" in field


def test_a_code_is_taken_once(shop: RunningShop) -> None:
    phone = set_up(shop.customer())
    code = phone.code()
    give_password(shop).send("/tf-validate", code=code)

    again = give_password(shop)
    again.send("/tf-validate", code=code)

    assert again.get("/user-profile").status_code == 302


def test_a_code_of_two_half_minutes_ago_is_too_old(shop: RunningShop) -> None:
    phone = set_up(shop.customer())
    visitor = give_password(shop)

    visitor.send("/tf-validate", code=phone.code(steps_ago=3))

    assert visitor.get("/user-profile").status_code == 302


def test_wrong_codes_are_stopped_wherever_they_come_from(guarded_shop: RunningShop) -> None:
    phone = set_up(guarded_shop.customer())
    guesser = give_password(guarded_shop)
    wrong = f"{(int(phone.code()) + 500_000) % 1_000_000:06}"

    answers = []
    for n in range(12):
        guesser.client.environ_base["REMOTE_ADDR"] = f"10.0.0.{n}"
        answers.append(guesser.send("/tf-validate", form_of="/tf-validate", code=wrong).status_code)

    assert answers[:10] == [200] * 10
    assert answers[10:] == [429] * 2
    assert guarded_shop.actions().count("sign_in_refused") == 10


def test_a_reset_password_does_not_open_an_account_without_the_code(shop: RunningShop) -> None:
    phone = set_up(shop.customer())
    visitor = shop.visitor()
    visitor.send("/reset", email="pat@rando.test")
    new = "zq7-zq7-zq7"
    visitor.send(shop.links("/reset")[0], password=new, password_confirm=new)

    answer = visitor.login("pat@rando.test", new)

    assert answer.location.startswith("/tf-validate")
    assert visitor.get("/user-profile").status_code == 302
    visitor.send("/tf-validate", code=phone.code())
    assert visitor.get("/user-profile").status_code == 200


def test_a_recovery_code_signs_in_once(shop: RunningShop) -> None:
    customer = shop.customer()
    set_up(customer)
    shown = customer.get("/mf-recovery-codes", show_codes="1").text
    codes = re.search(r'id="recovery-codes">([^<]+)<', shown)
    assert codes is not None
    code = codes[1].split()[0]

    first, second = give_password(shop), give_password(shop)
    assert 'href="/mf-recovery"' in first.get("/tf-validate").text
    first.send("/mf-recovery", code=code)
    refused = second.send("/mf-recovery", code=code).text

    assert "This is none of your codes, or it was used before." in refused
    assert '<a href="/tf-validate">Enter the code of your app instead</a>' in refused
    assert first.get("/user-profile").status_code == 200
    assert second.get("/user-profile").status_code == 302
    assert code.encode() not in b"".join(file.read_bytes() for file in shop.data.glob("rando.sqlite3*"))


def give_passkey(shop: RunningShop, usage: str) -> None:
    """Have the only customer own a passkey, as if a browser had made it."""
    with shop.app.app_context():
        user = db.session.scalars(select(User)).one()
        shop.app.extensions["security"].datastore.create_webauthn(
            user, b"id", b"key", "stick", 0, usage, device_type="single_device", backup_state=False
        )
        db.session.commit()


def test_a_user_with_an_app_and_a_passkey_chooses_which_to_use(shop: RunningShop) -> None:
    phone = set_up(shop.customer())
    give_passkey(shop, "secondary")
    visitor = shop.visitor()

    answer = visitor.login("pat@rando.test")
    by_passkey = visitor.send(urlsplit(answer.location).path, which="webauthn")
    by_code = visitor.send("/tf-select", form_of="/tf-select", which="authenticator")

    assert answer.location.startswith("/tf-select")
    assert by_passkey.location.startswith("/login/passkey")
    assert by_code.location.startswith("/tf-validate")
    assert visitor.get("/user-profile").status_code == 302
    visitor.send("/tf-validate", code=phone.code())
    assert visitor.get("/user-profile").status_code == 200


def test_a_second_factor_passkey_is_asked_for_and_its_recovery_codes_sign_in(shop: RunningShop) -> None:
    customer = shop.customer()
    give_passkey(shop, "secondary")
    shown = customer.send("/mf-recovery-codes", generate_new_codes="1").text
    codes = re.search(r'id="recovery-codes">([^<]+)<', shown)
    assert codes is not None
    visitor = shop.visitor()

    answer = visitor.login("pat@rando.test")

    assert answer.location.startswith("/login/passkey")
    assert visitor.get("/user-profile").status_code == 302
    visitor.login("pat@rando.test")
    assert 'href="/mf-recovery"' in visitor.get("/login/passkey").text
    visitor.send("/mf-recovery", code=codes[1].split()[0])
    assert visitor.get("/user-profile").status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/passkeys", "/tf-setup", "/mf-recovery-codes", "/close-account", "/export.json", "/change-email"],
)
def test_an_old_sign_in_asks_for_the_password_before_a_factor_or_the_data(
    shop: RunningShop, path: str
) -> None:
    customer = shop.customer()
    with customer.client.session_transaction() as kept:
        kept["fs_paa"] = time.time() - 3_600

    answer = customer.get(path)

    assert answer.location.startswith("/verify"), answer
    customer.send("/verify", password=PASSWORD)
    assert customer.get(path).status_code == 200


def test_the_factor_can_be_turned_off(shop: RunningShop) -> None:
    customer = shop.customer()
    set_up(customer)

    customer.send("/tf-setup", setup="disable")

    assert shop.visitor().login("pat@rando.test").location == "/"
    assert shop.actions().count("second_factor_off") == 1


def buttons(page: str) -> dict[str, str]:
    """What can be pressed on the page itself, and how it looks."""
    main = page.partition("<main")[2].partition("</main>")[0]
    return {words: look for look, words in re.findall(r'class="btn (btn-[\w-]+)[^>]*>([^<]+)<', main)}


def test_the_page_and_the_profile_say_whether_two_steps_are_on(shop: RunningShop) -> None:
    customer = shop.customer()
    off = customer.get("/tf-setup").text
    assert 'text-bg-secondary">Off<' in off
    assert buttons(off) == {"Set up an authenticator app": "btn-primary"}
    assert 'text-bg-secondary">Off<' in customer.get("/user-profile").text

    set_up(customer)

    assert "Two-step sign-in is on." in customer.get("/mf-recovery-codes", show_codes="1").text
    on = customer.get("/tf-setup").text
    assert 'text-bg-success">On<' in on
    assert buttons(on) == {"Set up another app": "btn-outline-secondary", "Turn it off": "btn-outline-danger"}
    assert 'text-bg-success">On<' in customer.get("/user-profile").text
    customer.send("/tf-setup", setup="disable")
    assert "Two-step sign-in is off." in customer.get("/tf-setup").text


def test_what_throws_recovery_codes_away_is_never_the_button_to_press_first(shop: RunningShop) -> None:
    customer = shop.customer()
    assert buttons(customer.get("/mf-recovery-codes").text) == {"Make new codes": "btn-primary"}
    set_up(customer)

    kept = customer.get("/mf-recovery-codes").text
    assert buttons(kept) == {"Show my codes": "btn-primary", "Make new codes": "btn-outline-secondary"}
    assert "The old ones stop working." in kept
    shown = customer.get("/mf-recovery-codes", show_codes="1").text
    renewed = customer.send("/mf-recovery-codes", generate_new_codes="1").text
    for page in (shown, renewed):
        look = {"I have kept them": "btn-primary", "Make new codes": "btn-outline-secondary"}
        assert buttons(page) == {**look, "Download": "btn-outline-secondary"}


def test_recovery_codes_are_downloaded_as_they_are_shown(shop: RunningShop) -> None:
    customer = shop.customer()
    set_up(customer)

    page = customer.get("/mf-recovery-codes", show_codes="1").text

    shown = re.search(r'<pre data-copy [^>]*><code id="recovery-codes">([^<]+)<', page)
    file = re.search(
        r'href="data:text/plain;charset=utf-8,([^"]+)" download="rando-number-recovery-codes', page
    )
    assert shown is not None
    assert file is not None
    assert unquote(file[1]) == shown[1] + "\n"
    assert len(shown[1].split()) == 8


@pytest.mark.parametrize(
    ("language", "is_on", "chosen"),
    [
        ("de", "Die Anmeldung in zwei Schritten ist an.", "Meldet Sie allein an, ohne das Passwort"),
        ("es", "El inicio de sesión en dos pasos está activado.", "Inicia la sesión por sí sola"),
    ],
)
def test_what_two_steps_and_passkeys_say_is_in_the_readers_language(
    shop: RunningShop, language: str, is_on: str, chosen: str
) -> None:
    customer = shop.visitor(HTTP_ACCEPT="text/html", HTTP_ACCEPT_LANGUAGE=language)
    customer.register("pat@rando.test")
    set_up(customer)

    assert is_on in customer.get("/mf-recovery-codes", show_codes="1").text
    page = customer.get("/passkeys").text
    first = re.search(r'<input[^>]* value="first">', page)
    assert first is not None
    assert "checked" in first[0]
    assert chosen in page
