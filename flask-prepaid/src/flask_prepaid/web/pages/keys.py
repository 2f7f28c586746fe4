"""API keys: make one, shown once; revoke one; and limit what each key, or all together, may spend."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from flask import current_app, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from prepaid_ledger import BudgetSummary, clock

from ... import signals
from ...context import transaction
from ...errors import NotYours, UnknownItem
from ...keys import keys
from ...keys.keys import NewKey
from ...keys.models import ApiKey
from ...keys.verbs import AppKeys
from ...keys.windows import WINDOWS
from ...languages import formats
from ...languages.words import gettext as _
from ...languages.words import marked
from .. import forms, page, sent_again


@dataclass(frozen=True)
class Limit:
    """A budget as its owner reads it."""

    budget: BudgetSummary

    @property
    def every(self) -> str:
        return self.budget.every or "ever"

    @property
    def words(self) -> str:
        """How many credits in which window: ``500 credits a month``."""
        return f"{formats.credits(self.budget.credits)} {_(WINDOWS[self.every])}"

    @property
    def resets_on(self) -> datetime | None:
        """When it begins anew, by the clocks of its zone."""
        at = self.budget.resets_at
        return None if at is None else at.astimezone(ZoneInfo(self.budget.zone))


def listing() -> ResponseReturnValue:
    return overview(page.customer())


def overview(owner: str, *, made: str | None = None, error: UnknownItem | None = None) -> str:
    """The keys and what each may spend; with the one that was just made, this once."""
    context = page.context()
    return page.render(
        "keys.html",
        keys=keys.live(context.session, owner),
        limits=limits_of(owner),
        made=made,
        now=clock.wall(),
        error=error,
        written=request.form if error else {},
        windows=WINDOWS,
        zone=context.config.time_zone,
        attempt=forms.new_attempt,
    )


def limits_of(owner: str) -> dict[str | None, list[Limit]]:
    """The owner's budgets by spender; ``None`` is the whole wallet."""
    limits: dict[str | None, list[Limit]] = {}
    for budget in page.context().ledger.budgets(owner):
        limits.setdefault(budget.spender, []).append(Limit(budget))
    return limits


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
            set_limit(owner, made.spender, forms.credits_to_move("limit"))
    return made


def random_of_form(owner: str) -> str | None:
    """What the key of this form is made of: the same, however often it is sent. ``None``: it has no token.

    Nobody can know it who does not know the app's secret key.
    """
    token, key = forms.attempt(), current_app.secret_key
    if token is None or key is None or sent_again.is_call():
        return None
    secret = key.encode() if isinstance(key, str) else key
    digest = hmac.new(secret, f"API key of {owner} by {token}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def revoke(key_id: str) -> ResponseReturnValue:
    """End a key at once."""
    revoke_key(page.customer(), number_of(key_id))
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


def limits() -> ResponseReturnValue:
    """What one key, or all together, may spend; a form sent sets a limit, or takes it away."""
    owner = page.customer()
    key = key_named(owner, request.args.get("key"))
    if request.method == "GET":
        return limits_page(owner, key)
    try:
        save_limit(owner, key, remove="remove" in request.form)
    except UnknownItem as error:
        return limits_page(owner, key, error), error.http_status
    flash(_("That limit is gone.") if "remove" in request.form else _("Your limit is saved."), "success")
    return redirect(url_for("prepaid.limits", key=key.id if key else None), 303)


def limits_page(owner: str, key: ApiKey | None, error: UnknownItem | None = None) -> str:
    return page.render(
        "limits.html",
        key=key,
        limits=limits_of(owner).get(key.spender if key else None, []),
        windows=WINDOWS,
        zone=page.context().config.time_zone,
        error=error,
        written=request.form if error else {},
    )


def save_limit(owner: str, key: ApiKey | None, *, remove: bool) -> None:
    """Set the budget that the form describes, or take it away. Commits."""
    credits = None if remove else forms.credits_to_move("limit")
    with transaction(page.context()):
        set_limit(owner, key.spender if key else None, credits)


def key_named(owner: str, text: str | None) -> ApiKey | None:
    """The key of this number; ``None`` is the whole wallet.

    :raises NotYours: It is none of the owner's.
    """
    return None if text is None else keys.find(page.context().session, owner, number_of(text))


def set_limit(owner: str, spender: str | None, credits: int | None) -> None:
    """Set the budget that the form describes; ``None`` takes it away.

    :raises UnknownItem: Its window or its zone is none.
    """
    sent = forms.sent()
    every, zone = sent.get("every", "month"), sent.get("zone", "").strip()
    if every not in WINDOWS:
        raise UnknownItem("Choose one of the windows in the list.", field="every")
    window = None if every == "ever" else every
    context = page.context()
    try:
        context.ledger.set_budget(
            owner, credits, spender=spender, every=window, zone=zone or context.config.time_zone
        )
    except ValueError:
        raise UnknownItem("Write a time zone such as Europe/Berlin or UTC.", field="zone") from None
    signals.tell(signals.limit_set, owner=owner, spender=spender, every=window, credits=credits)


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


def number_of(text: str) -> int:
    """
    :raises NotYours: It is no number of a key.
    """
    return forms.named_row(text, marked("There is no such key."))


def app_keys() -> AppKeys:
    keys_of_app = page.context().app_keys
    assert keys_of_app is not None, "without keys there are no such pages"
    return keys_of_app
