"""Browsers in which somebody has signed in before. Guesses from elsewhere don't keep them out.

A browser is known until the account has another password, or its owner has proved the address.

Who guesses at one account from a thousand addresses is slowed down by a limit of the account; its owner,
who is no stranger to it, is not: https://owasp.org/www-community/Slow_Down_Online_Guessing_Attacks_with_Device_Cookies
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import Flask, Response, after_this_request, current_app, request
from flask_security import password_changed, password_reset, user_authenticated
from itsdangerous import BadData, URLSafeTimedSerializer

from .rates import client_address

LASTS = timedelta(days=365)

#: So many accounts are kept in a browser, those of the latest sign-ins.
MAX_ACCOUNTS = 5

#: Says which account a form names, by what a new password changes; ``None`` if what it names can be none.
AccountOf = Callable[[str], str | None]


def init_app(app: Flask) -> None:
    """Keep in each browser, signed, who has signed in there; the page of privacy tells of the cookie."""
    app.jinja_env.globals |= {"known_cookie": _cookie, "known_days": LASTS.days}

    def remember(sender: Flask, user: Any, **_: object) -> None:
        @after_this_request
        def keep(response: Response) -> Response:
            if user.is_unproven:  # somebody may have registered the address of somebody else
                return response
            account = _digest(user.fs_uniquifier)
            names = known()
            own = names.pop(account, None) or secrets.token_hex(8)
            latest = dict([*names.items(), (account, own)][-MAX_ACCOUNTS:])
            response.set_cookie(
                _cookie(),
                _signer().dumps(latest),
                max_age=LASTS,
                secure=current_app.config["SESSION_COOKIE_SECURE"],
                httponly=True,
                samesite="Lax",
            )
            return response

    # Who reads the mailbox is the owner, too. Who has changed the password goes on in this browser.
    for proven in (user_authenticated, password_changed, password_reset):
        proven.connect(remember, app, weak=False)


def guesser(account_of: AccountOf) -> Callable[[], str]:
    """Makes the counter of guesses at the account that a form names.

    A browser that is known there has one of its own; all others have one together.
    """

    def counter() -> str:
        named = account_of(request.form.get("email", "").strip()[:255])
        if named is None:
            return f"nobody:{client_address()}"
        own = name_at(named)
        return f"browser:{own}" if own else f"account:{_digest(named)}"

    return counter


def name_at(account: str | None) -> str | None:
    """The name of this browser at an account where somebody has signed in here; else ``None``."""
    return None if account is None else known().get(_digest(account))


def known() -> dict[str, str]:
    """The accounts that have signed in in this browser, as digests, and its name for each."""
    try:
        names = _signer().loads(request.cookies.get(_cookie(), ""), max_age=int(LASTS.total_seconds()))
    except BadData:
        return {}
    return names if isinstance(names, dict) else {}


def _cookie() -> str:
    return "__Host-known" if current_app.config["SESSION_COOKIE_SECURE"] else "known"


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt="known browsers")


def _digest(account: str) -> str:
    """Stands for an account in a cookie and in a counter, and can't be turned back into it."""
    secret = str(current_app.config["SECRET_KEY"]).encode()
    return hmac.new(secret, account.encode("utf-8", "replace"), "sha256").hexdigest()[:32]
