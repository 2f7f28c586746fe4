"""Limits: what one API key, or all together, may spend, and in which window."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from prepaid_ledger import BudgetSummary

from ... import signals
from ...context import transaction
from ...errors import UnknownItem
from ...keys import keys
from ...keys.models import ApiKey
from ...keys.windows import WINDOWS
from ...languages import formats
from ...languages.words import gettext as _
from ...languages.words import marked
from .. import forms, page


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


def limits_of(owner: str) -> dict[str | None, list[Limit]]:
    """The owner's budgets by spender; ``None`` is the whole wallet."""
    limits: dict[str | None, list[Limit]] = {}
    for budget in page.context().ledger.budgets(owner):
        limits.setdefault(budget.spender, []).append(Limit(budget))
    return limits


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


def number_of(text: str) -> int:
    """
    :raises NotYours: It is no number of a key.
    """
    return forms.named_row(text, marked("There is no such key."))
