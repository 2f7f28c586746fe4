"""Alerts: what a customer wants to be told, and when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flask import request
from flask.typing import ResponseReturnValue

from prepaid_ledger import BudgetSummary

from ...errors import UnknownItem
from ...keys.windows import WINDOWS
from ...languages import formats
from ...languages.words import gettext as _
from ...languages.words import marked, ngettext
from ...outbox import alerts
from ...outbox.models import Alert, AlertKind
from .. import forms, page
from ..visitors import spenders


@dataclass(frozen=True)
class Shown:
    """An alert in words. Of ``id`` 0 is the host's for everybody."""

    id: int
    words: str
    #: Why it tells nothing at the moment.
    idle: str = ""


def listing() -> ResponseReturnValue:
    return overview(page.customer())


def put() -> ResponseReturnValue:
    """Set the alert of one of the forms."""
    owner, context = page.customer(), page.context()
    kind = forms.line(request.form, "kind")
    try:
        if kind == AlertKind.BALANCE:
            alerts.put(context, owner, kind, forms.credits_to_move("threshold"))
        else:
            spender, every = budget_of(request.form.get("budget", ""))
            number = forms.row_id(request.form.get("threshold", "").strip())
            alerts.put(context, owner, kind, -1 if number is None else number, spender=spender, every=every)
    except UnknownItem as error:
        return overview(owner, error=error, kind=kind), error.http_status
    return page.done("prepaid.alerts", _("Your alert is set."))


def remove(alert_id: str) -> ResponseReturnValue:
    """Take an alert away; of the host's, have none in its place."""
    owner, context = page.customer(), page.context()
    number = forms.named_row(alert_id, marked("There is no such alert."))
    if number == alerts.EVERYBODYS:
        alerts.put(context, owner, AlertKind.BALANCE, 0)
    else:
        alerts.remove(context, owner, number)
    return page.done("prepaid.alerts", _("That alert is gone."))


def overview(owner: str, *, error: UnknownItem | None = None, kind: str = "") -> str:
    context = page.context()
    own = alerts.of(context.session, owner)
    budgets = context.ledger.budgets(owner)
    names = spenders.names_of(owner, [budget.spender for budget in budgets if budget.spender])
    return page.render(
        "alerts.html",
        alerts=[shown(alert, budgets, names) for alert in own if alert.threshold] + everybodys(own),
        budgets=[(value_of(budget), words_of(budget, names)) for budget in budgets],
        address=context.email_of(owner) if context.outbox.write_mail else None,
        error=error,
        kind=kind,
        written=request.form if error else {},
    )


def everybodys(own: Iterable[Alert]) -> list[Shown]:
    """The host's alert, where the customer has none of the balance, and has not taken it away."""
    threshold = page.context().config.balance_low
    if not threshold or any(alert.kind is AlertKind.BALANCE for alert in own):
        return []
    return [Shown(alerts.EVERYBODYS, fewer_than(threshold))]


def shown(alert: Alert, budgets: list[BudgetSummary], names: dict[str, str]) -> Shown:
    if alert.kind is AlertKind.BALANCE:
        return Shown(alert.id, fewer_than(alert.threshold))
    if alert.kind is AlertKind.LAPSE:
        words = ngettext(
            "%(unit)s expire within %(count)s day",
            "%(unit)s expire within %(count)s days",
            alert.threshold,
            unit=formats.unit_name().capitalize(),
        )
        return Shown(alert.id, words)
    for budget in budgets:
        if (budget.spender or "", budget.every or "ever") == (alert.spender, alert.every):
            words = words_of(budget, names)
            return Shown(
                alert.id, _("%(percent)s %% spent of %(limit)s", percent=alert.threshold, limit=words)
            )
    words = _("%(percent)s %% of a limit", percent=alert.threshold)
    return Shown(alert.id, words, idle=_("The limit is gone."))


def fewer_than(threshold: int) -> str:
    return _("Fewer than %(credits)s are left", credits=formats.credits(threshold))


def words_of(budget: BudgetSummary, names: dict[str, str]) -> str:
    """A budget as its owner reads it: ``500 credits a month, of the key "billing job"``."""
    limit = f"{formats.credits(budget.credits)} {_(WINDOWS[budget.every or 'ever'])}"
    if budget.spender is None:
        return limit
    name = names[budget.spender]
    if spenders.is_key(budget.spender):
        return _("%(limit)s, of the key “%(name)s”", limit=limit, name=name)
    return _("%(limit)s, of %(name)s", limit=limit, name=name)


def value_of(budget: BudgetSummary) -> str:
    """A budget as a form sends it."""
    return f"{budget.every or 'ever'}|{budget.spender or ''}"


def budget_of(text: str) -> tuple[str | None, str | None]:
    every, _bar, spender = text.partition("|")
    return spender or None, None if every in ("", "ever") else every
