"""Flask-Security: what is on, and where it must be stricter than it is by itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask_prepaid.languages.words import marked

from .data_folder import kept_secret
from .stripe import is_test_mode
from .values import ConfigError, flag

#: 19 MiB, two passes, one thread: https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html
ARGON2 = {"argon2__memory_cost": 19_456, "argon2__time_cost": 2, "argon2__parallelism": 1}

#: Our words in place of Flask-Security's, and how each is shown.
MESSAGES = {
    "CHANGE_EMAIL_SENT": (marked("We have sent a link to %(email)s."), "info"),
    "CONFIRM_REGISTRATION": (marked("We have sent a link to %(email)s."), "success"),
    "CONFIRMATION_REQUEST": (
        marked("We have sent a link to %(email)s, if it is still to be confirmed."),
        "info",
    ),
    "GENERIC_AUTHN_FAILED": (marked("The email or the password is wrong."), "error"),
    "INVALID_PASSWORD": (marked("The password is wrong."), "error"),
    "INVALID_RESET_PASSWORD_TOKEN": (marked("This link works no more. Ask for a new one."), "error"),
    "PASSWORD_CHANGE": (marked("Your password is changed."), "success"),
    "PASSWORD_RESET_EXPIRED": (marked("This link works no more. Ask for a new one."), "error"),
    "PASSWORD_RESET_NO_LOGIN": (marked("Your password is changed. Sign in with it."), "success"),
    "PASSWORD_RESET_REQUEST": (marked("We have sent a link to %(email)s, if it has an account."), "info"),
    "REAUTHENTICATION_SUCCESSFUL": (marked("Thank you. You can go on."), "info"),
    "UNAUTHENTICATED": (marked("Sign in to see this page."), "info"),
}


def settings(environ: Mapping[str, str], data: Path, production: bool) -> dict[str, Any]:
    """Keys, passwords, the address that is confirmed, and where one lands.

    :raises ConfigError: Credits are to wait for a mail that nobody gets.
    """
    confirm = flag(environ, "RANDO_CONFIRM_EMAIL", production)
    credits_wait = flag(environ, "RANDO_CREDITS_AFTER_CONFIRM", production and confirm)
    if credits_wait and not confirm:
        raise ConfigError(
            "RANDO_CREDITS_AFTER_CONFIRM needs RANDO_CONFIRM_EMAIL=1: nobody would get any credits."
        )
    return {
        **secret_keys(environ, data),
        **passwords(environ, data),
        **pages(),
        "ADMIN_SECOND_FACTOR": flag(environ, "RANDO_ADMIN_SECOND_FACTOR", production),
        "CREDITS_AFTER_CONFIRM": credits_wait,
        "SECURITY_CONFIRMABLE": confirm,
        "SECURITY_LOGIN_WITHOUT_CONFIRMATION": confirm,  # the free credits; buying waits, see accounts
        "SECURITY_SEND_REGISTER_EMAIL": confirm,
        "SECURITY_EMAIL_HTML": False,  # made of the text, in the layout of all our mails
        "SECURITY_EMAIL_VALIDATOR_ARGS": {
            "check_deliverability": False,
            "test_environment": is_test_mode(environ),
        },
        "SECURITY_REGISTERABLE": True,
        "SECURITY_CHANGE_EMAIL": True,
        "SECURITY_FRESHNESS": timedelta(minutes=30),
        "SECURITY_FRESHNESS_GRACE_PERIOD": timedelta(minutes=10),
        "SECURITY_API_ENABLED_METHODS": ["session"],
    }


def secret_keys(environ: Mapping[str, str], data: Path) -> dict[str, Any]:
    """What signs cookies, and what encrypts second factors and knows a mailbox again."""
    before = environ.get("SECRET_KEY_BEFORE")
    totp_secret = environ.get("RANDO_TOTP_SECRET") or kept_secret(data / "totp-secret")
    return {
        "SECRET_KEY": environ.get("SECRET_KEY") or kept_secret(data / "secret-key"),
        "SECRET_KEY_FALLBACKS": [before] if before else None,
        "MAILBOX_KEY": f"mailbox:{totp_secret}",
        "TOTP_SECRET": totp_secret,
    }


def passwords(environ: Mapping[str, str], data: Path) -> dict[str, Any]:
    """How passwords are kept, and how they are set anew."""
    return {
        "SECURITY_PASSWORD_SALT": environ.get("SECURITY_PASSWORD_SALT")
        or kept_secret(data / "password-salt"),
        "SECURITY_PASSWORD_HASH": "argon2",
        "SECURITY_PASSWORD_SCHEMES": ["argon2", "plaintext"],
        "SECURITY_PASSWORD_SINGLE_HASH": {"argon2"},
        "SECURITY_PASSWORD_HASH_PASSLIB_OPTIONS": ARGON2,
        "SECURITY_PASSWORD_NORMALIZE_FORM": None,  # verified as received: ASVS 6.2.8
        # What is hashed into a link has chance enough, so it need not be slow, and must not: time tells.
        "SECURITY_HASHING_SCHEMES": ["hex_sha256"],
        "SECURITY_PASSWORD_CONFIRM_REQUIRED": False,  # it can be shown, and a mail sets another one
        "SECURITY_RECOVERABLE": True,
        "SECURITY_RESET_PASSWORD_WITHIN": timedelta(minutes=10),
        "SECURITY_EMAIL_SUBJECT_PASSWORD_RESET": marked("Set a new password"),
        "SECURITY_CHANGEABLE": True,
    }


def pages() -> dict[str, Any]:
    """What pages say without telling who is registered, and which page comes next."""
    return {
        "SECURITY_RETURN_GENERIC_RESPONSES": True,
        **{f"SECURITY_MSG_{name}": words for name, words in MESSAGES.items()},
        "SECURITY_LOGOUT_METHODS": ["POST"],
        "SECURITY_POST_LOGIN_VIEW": "/",
        "SECURITY_POST_REGISTER_VIEW": "/",
        "SECURITY_POST_RESET_VIEW": "/login",
        "SECURITY_POST_CHANGE_VIEW": "/user-profile",
    }
