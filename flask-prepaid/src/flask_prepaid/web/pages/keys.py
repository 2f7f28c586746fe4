"""API keys: make one, shown once, and revoke one."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, date, datetime, time

from flask import current_app, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from prepaid_ledger import clock

from ...context import transaction
from ...errors import NotYours, UnknownItem
from ...keys import keys
from ...keys.keys import NewKey
from ...keys.verbs import AppKeys
from ...keys.windows import WINDOWS
from ...languages.words import gettext as _
from .. import forms, page, sent_again
from . import limits


def listing() -> ResponseReturnValue:
    return overview(page.customer())


def overview(owner: str, *, made: str | None = None, error: UnknownItem | None = None) -> str:
    """The keys and what each may spend; with the one that was just made, this once."""
    context = page.context()
    return page.render(
        "keys.html",
        keys=keys.live(context.session, owner),
        limits=limits.limits_of(owner),
        made=made,
        now=clock.wall(),
        error=error,
        written=request.form if error else {},
        windows=WINDOWS,
        zone=context.config.time_zone,
        attempt=forms.new_attempt,
    )


def make() -> ResponseReturnValue:
    """Make a key, with a limit if one is written, and show it."""
    owner = page.customer()
    try:
        return overview(owner, made=make_key(owner).secret)
    except UnknownItem as error:
        return overview(owner, error=error), error.http_status


def make_key(owner: str) -> NewKey:
    """Make the key that the form describes, with its limit. Commits."""
    sent = forms.sent()
    with transaction(page.context()) as session:
        ends = end_of(sent.get("expires_on"))
        random = random_of_form(owner)
        made = keys.make(session, app_keys().setup, owner, sent.get("name", ""), ends, random=random)
        if sent.get("limit", "").strip():
            limits.set_limit(owner, made.spender, forms.credits_to_move("limit"))
    return made


def random_of_form(owner: str) -> str | None:
    """What the key of this form is made of: the same, however often it is sent. ``None``: it has no token.

    Nobody can know it who does not know the app's secret key.
    """
    token, key = forms.attempt(), current_app.secret_key
    if token is None or key is None or sent_again.is_call_with_key():
        return None
    secret = key.encode() if isinstance(key, str) else key
    digest = hmac.new(secret, f"API key of {owner} by {token}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def revoke(key_id: str) -> ResponseReturnValue:
    """End a key at once."""
    revoke_key(page.customer(), limits.number_of(key_id))
    flash(_("The key has been revoked. Calls with it are refused from now on."), "success")
    return redirect(url_for("prepaid.keys"), 303)


def revoke_key(owner: str, key_id: int) -> None:
    """End a key at once. Commits. A repeat does nothing.

    :raises NotYours: It is none of the owner's.
    """
    context = page.context()
    with transaction(context) as session:
        ended = keys.revoke(session, context.ledger, owner, key_id)
        if not ended and not keys.was_revoked(session, owner, key_id):
            raise NotYours("There is no such key.")
    app_keys().cache.forget()


def end_of(text: str | None) -> datetime | None:
    """When a key ends: as the day that is written begins, UTC. Nothing is never.

    :raises UnknownItem: It is no day to come.
    """
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    if not datetime.now(UTC).date() < day < date(2200, 1, 1):
        raise UnknownItem("Choose a day after today.", field="expires_on")
    return datetime.combine(day, time(), UTC)


def app_keys() -> AppKeys:
    keys_of_app = page.context().app_keys
    assert keys_of_app is not None, "without keys there are no such pages"
    return keys_of_app
