"""The usage page: each entry with what it bought, charts of the days, and the monthly limit."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import (
    Blueprint,
    abort,
    flash,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_security import auth_required
from flask_wtf import FlaskForm
from sqlalchemy import select

from flask_prepaid import ApiKey, BudgetSummary
from flask_prepaid.languages.words import gettext as _
from flask_prepaid.languages.words import ngettext

from .. import audit_log
from ..callers import customer
from ..extensions import db, prepaid
from ..models import Action, User
from . import charts, totals
from .choice import KINDS, MAX_DAYS_BY_HOUR, BadChoice, Choice
from .fields import WholeNumberField

blueprint = Blueprint("usage", __name__)

#: How many entries stand on a page.
ENTRIES_PER_PAGE = 50


class LimitForm(FlaskForm):  # type: ignore[misc]
    """The most credits a month; an empty field lifts the limit."""

    limit = WholeNumberField(max=10**9)


@blueprint.get("/usage")
@auth_required("session")
def statement() -> ResponseReturnValue:
    return show(form_of_limit(), Choice.read(request.args))


@blueprint.errorhandler(BadChoice)
def refused(bad: BadChoice) -> ResponseReturnValue:
    """The page as if nothing had been chosen, with what was wrong."""
    return show(form_of_limit(), Choice.lately(), problem=str(bad)), 422


@blueprint.post("/usage/limit")
@auth_required("session")
def set_limit() -> ResponseReturnValue:
    """Let a month take no more than so many credits, whoever draws."""
    form = LimitForm()
    if not form.validate_on_submit():
        return show(form, Choice.read(request.args)), 422
    prepaid.set_budget(customer().owner, form.limit.data, every="month")
    audit_log.note(Action.LIMIT_SET, limit=form.limit.data)
    db.session.commit()
    flash(
        _("Your monthly limit is saved.") if form.limit.data else _("There is no monthly limit now."),
        "success",
    )
    return redirect(url_for("usage.statement", **filtered()), 303)


def monthly_limit() -> BudgetSummary | None:
    """What the customer lets all keys and this site together take in a month."""
    budgets = prepaid.budgets(customer().owner)
    return next((budget for budget in budgets if budget.spender is None and budget.every == "month"), None)


def form_of_limit() -> LimitForm:
    limit = monthly_limit()
    return LimitForm(formdata=None, limit=limit.credits if limit else None)


def show(form: LimitForm, choice: Choice, problem: str | None = None) -> str:
    """The entries chosen, newest first, with the numbers that a spend bought, and charts of the days."""
    user = customer()
    cursor = None if problem else request.args.get("cursor")  # it was given on pages of that choice
    try:
        entries = choice.entries(user.id, ENTRIES_PER_PAGE, cursor)
    except ValueError:
        abort(404)
    shares = choice.shares(user.id)
    by_key = totals.by_key(shares)
    return render_template(
        "usage/usage.html",
        entries=entries,
        next_cursor=entries.next_cursor,
        bought=totals.bought(user.id, [entry.key for entry in entries]),
        chart=charts.chart(choice, choice.shares_of_chart(user.id), by_key),
        by_day=totals.by_day(shares),
        by_key=by_key,
        total=totals.Total.over(shares),
        colour=charts.colours(by_key),
        ready_made=ready_made({} if problem else filtered()),
        today=prepaid.clock().date(),
        keys=all_keys_of(user),
        kinds=KINDS,
        choice=choice,
        filtered={} if problem else filtered(),
        problem=problem,
        limit=monthly_limit(),
        form=form,
    )


def filtered() -> dict[str, Any]:
    """The filters of this request, for the links that keep them."""
    return {
        name: request.args[name] for name in ("from", "to", "key", "kind", "per") if request.args.get(name)
    }


def all_keys_of(user: User) -> list[ApiKey]:
    """Revoked ones, too: what they drew is still to be found."""
    return list(db.session.scalars(select(ApiKey).where(ApiKey.owner == user.owner).order_by(ApiKey.id)))


def ready_made(filters: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Ranges that one press shows: their words, and the query of each, which keeps what else was chosen.

    Many days are not shown by the hour.
    """
    today = prepaid.clock().date()
    ranges = []
    for count in (7, 30, 90, 365):
        dropped = {"to", "per"} if count > MAX_DAYS_BY_HOUR and filters.get("per") == "hour" else {"to"}
        query = {name: value for name, value in filters.items() if name not in dropped}
        query["from"] = str(today - timedelta(days=count - 1))
        ranges.append((ngettext("%(count)s day", "%(count)s days", count), query))
    return ranges
