"""Passkeys: a key that a phone, laptop or stick keeps, in place of the password or on top of it.

Flask-Security runs the ceremonies of https://www.w3.org/TR/webauthn-3/. Here are the
choices that it leaves open, and what it does not hold to: an answer opens the door once.
"""

from __future__ import annotations

import secrets
import time
from typing import Any

from flask import Flask, session
from flask_security import WebauthnUtil, wan_deleted, wan_registered
from flask_security.utils import get_message
from flask_security.webauthn import (
    WebAuthnRegisterForm,
    WebAuthnRegisterResponseForm,
    WebAuthnSigninForm,
    WebAuthnSigninResponseForm,
)
from sqlalchemy import update
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from wtforms import HiddenField, RadioField
from wtforms.fields import SelectChoice

from flask_prepaid.languages.words import gettext as _
from flask_prepaid.languages.words import marked

from .. import audit_log, mails
from ..extensions import db
from ..models import Action, Passkey, User
from ..owners import owner_of

#: The usage of a passkey that replaces the password: it checks its holder by finger, face or PIN.
ALONE = ("first",)

#: Where the session keeps what the challenges of this browser have in them, and those of no other one.
BROWSER = "passkey_browser"

SETTINGS = {
    "SECURITY_WEBAUTHN": True,
    "SECURITY_WAN_RP_NAME": "Rando Number",
    "SECURITY_WAN_ALLOW_USER_HINTS": False,  # which keys an address has would tell that it is known
    "SECURITY_WAN_ALLOW_AS_VERIFY": list(ALONE),
    "SECURITY_WAN_REGISTER_URL": "/passkeys",
    "SECURITY_WAN_DELETE_URL": "/passkeys/remove",
    "SECURITY_WAN_SIGNIN_URL": "/login/passkey",
    "SECURITY_WAN_VERIFY_URL": "/verify/passkey",
    "SECURITY_WAN_REGISTER_TEMPLATE": "accounts/passkeys.html",
    "SECURITY_WAN_SIGNIN_TEMPLATE": "accounts/passkey_login.html",
    "SECURITY_WAN_VERIFY_TEMPLATE": "accounts/passkey_verify.html",
    "SECURITY_TWO_FACTOR_SELECT_TEMPLATE": "accounts/second_factor_choice.html",
    "SECURITY_MSG_WEBAUTHN_REGISTER_SUCCESSFUL": (marked("The passkey %(name)s is set up."), "success"),
    "SECURITY_MSG_WEBAUTHN_CREDENTIAL_DELETED": (marked("The passkey %(name)s is removed."), "success"),
    "SECURITY_MSG_WEBAUTHN_UNKNOWN_CREDENTIAL_ID": (marked("This passkey opens nothing here."), "error"),
    "SECURITY_MSG_WEBAUTHN_CREDENTIAL_WRONG_USAGE": (marked("This passkey opens nothing here."), "error"),
}


class Ceremonies(WebauthnUtil):
    """What we require of the device that keeps the key."""

    def authenticator_selection(self, user: Any, usage: str) -> AuthenticatorSelectionCriteria:
        alone = usage in ALONE
        return AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED if alone else ResidentKeyRequirement.DISCOURAGED,
            user_verification=self.user_verification(user, [usage]),
        )

    def generate_challenge(self, nbytes: int | None = None) -> str:
        """A challenge of this browser, that begins with its time: later ones are greater."""
        browser = session.setdefault(BROWSER, secrets.token_urlsafe(16))
        return f"{_text_of(time.time_ns())}.{browser}.{super().generate_challenge(nbytes)}"

    def user_verification(self, user: Any, usage: list[str]) -> UserVerificationRequirement:
        if set(usage) <= set(ALONE):
            return UserVerificationRequirement.REQUIRED
        return UserVerificationRequirement.DISCOURAGED  # the password came before


def _text_of(nanoseconds: int) -> str:
    """A time as a text that sorts as times do."""
    return f"{nanoseconds:020d}"


class NewPasskeyForm(WebAuthnRegisterForm):
    """What a new passkey is called, and what it is for."""

    usage = RadioField(
        choices=[
            SelectChoice("first", marked("Signs you in alone, without the password")),
            SelectChoice("secondary", marked("Is asked for on top of the password")),
        ],
        default="first",
    )


class PasskeyLoginForm(WebAuthnSigninForm):
    """The form without "remember me": its cookie would open an account whose sessions have all been ended."""

    def validate(self, **kwargs: Any) -> bool:
        self.remember.data = False
        return bool(super().validate(**kwargs))


class OwnCredential:
    """Refuses a credential that answers another browser's challenge, or is nested beyond reason."""

    credential: HiddenField
    challenge: str

    def validate(self, **kwargs: Any) -> bool:
        try:
            is_own = self.challenge.split(".")[1] == session.get(BROWSER)
            if is_own and super().validate(**kwargs):  # type: ignore[misc]
                return True
        except RecursionError:
            is_own = False
        if not is_own:
            self.credential.errors = [_("This is no answer of a passkey.")]
        return False


class MadePasskeyForm(OwnCredential, WebAuthnRegisterResponseForm):
    """The answer to the making of a passkey: the new key's public half."""


class PasskeyAnswerForm(OwnCredential, WebAuthnSigninResponseForm):
    """Holds each answer to the step that it is given in, and takes it once.

    The page that a key answers says what the key has to prove, and could be the page of another step.
    """

    def validate(self, **kwargs: Any) -> bool:
        self.remember.data = False
        if not self.is_secondary:
            self.user_verification = True
        return bool(super().validate(**kwargs)) and self.is_of_the_first_step() and self.is_first()

    def is_of_the_first_step(self) -> bool:
        """Whether a key on top of a password belongs to who has given the password."""
        assert self.user is not None
        if not self.is_secondary or self.user.fs_uniquifier == session["tf_user_id"]:
            return True
        self.credential.errors = [get_message("WEBAUTHN_CREDENTIAL_WRONG_USAGE")[0]]
        return False

    def is_first(self) -> bool:
        """Whether the key has answered neither this challenge nor a later one; from now on it has.

        One of a time to come was made by a clock that was ahead, and bars no other.
        """
        assert isinstance(self.cred, Passkey)
        at = self.challenge.split(".")[0]
        of_no_clock = (Passkey.answered > _text_of(time.time_ns())) & (Passkey.answered != at)
        earlier = Passkey.answered.is_(None) | (Passkey.answered < at) | of_no_clock
        taken = db.session.execute(
            update(Passkey)
            .where(Passkey.id == self.cred.id, earlier)
            .values(answered=at)
            .returning(Passkey.id)
        )
        if taken.first() is not None:
            return True
        self.credential.errors = [_("This answer of the passkey has been used. Try again.")]
        return False


def init_app(app: Flask) -> None:
    wan_registered.connect(added, app)
    wan_deleted.connect(removed, app)


def added(app: Flask, user: User, name: str, **extra: Any) -> None:
    """Tell the user by mail, in case somebody else has added it; nobody where the address is not proved."""
    audit_log.note(Action.PASSKEY_ADDED, actor=owner_of(user.id))
    if user.is_unproven:
        return
    with mails.in_language(user.language):
        mails.send(
            user.email,
            _("A passkey was added to your account at Rando Number"),
            _("A new passkey opens your account from now on.")
            + "\n\n| "
            + _("Its name")
            + " | {name}\n\n"
            + _("If this was not you, remove it on the page of your passkeys and change your password."),
            name=name,
        )


def removed(app: Flask, user: User, **extra: Any) -> None:
    audit_log.note(Action.PASSKEY_REMOVED, actor=owner_of(user.id))
