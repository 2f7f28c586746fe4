"""Passkeys: a key that a phone, laptop or stick keeps, in place of the password or on top of it.

Flask-Security runs the ceremonies of https://www.w3.org/TR/webauthn-3/. Here are the
choices that it leaves open, and what it does not hold to: an answer opens the door once.
"""

from __future__ import annotations

import hashlib
from typing import Any

from flask import Flask
from flask_security import WebauthnUtil, wan_deleted, wan_registered
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

    def user_verification(self, user: Any, usage: list[str]) -> UserVerificationRequirement:
        if set(usage) <= set(ALONE):
            return UserVerificationRequirement.REQUIRED
        return UserVerificationRequirement.DISCOURAGED  # the password came before


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


class ShallowCredential:
    """Refuses a credential from the browser that is nested beyond reason."""

    credential: HiddenField

    def validate(self, **kwargs: Any) -> bool:
        try:
            return bool(super().validate(**kwargs))  # type: ignore[misc]
        except RecursionError:
            self.credential.errors = [_("This is no answer of a passkey.")]
            return False


class MadePasskeyForm(ShallowCredential, WebAuthnRegisterResponseForm):
    """The answer to the making of a passkey: the new key's public half."""


class PasskeyAnswerForm(ShallowCredential, WebAuthnSigninResponseForm):
    """An answer is taken once: a copy of it, sent again within its minute, opens nothing."""

    def validate(self, **kwargs: Any) -> bool:
        self.remember.data = False
        return bool(super().validate(**kwargs)) and self.is_first()

    def is_first(self) -> bool:
        digest = hashlib.sha256(self.challenge.encode()).hexdigest()
        assert isinstance(self.cred, Passkey)
        fresh = (Passkey.id == self.cred.id, Passkey.answered.is_distinct_from(digest))
        taken = db.session.execute(
            update(Passkey).where(*fresh).values(answered=digest).returning(Passkey.id)
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
