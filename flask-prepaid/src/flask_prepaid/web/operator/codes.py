"""The codes of the shop: what each gives and has given; to make one, and to switch one off or on."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from prepaid_ledger.errors import PrepaidError

from ...checks import MAX_CREDITS
from ...codes import finding, making, redeeming, spelling
from ...codes.models import Code
from ...codes.terms import Terms
from ...errors import ConfigError, UnknownItem
from ...languages import units
from ...reports import codes as code_reports
from ...reports.selection import read_day
from .. import forms
from . import page
from .reports import period
from .roles import Right

#: Codes on a page, and the most days that credits of a code may last by this form.
PER_PAGE = 100
MAX_DAYS = 3_650


def listing() -> ResponseReturnValue:
    """All codes, the newest first, with what they have given; and the form of a new one."""
    page.operator()
    return shown()


def shown(error: Exception | None = None) -> str:
    context = page.context()
    session = context.session
    before = forms.row_id(request.args.get("before", ""))
    listed = finding.listed(session, limit=PER_PAGE + 1, before=before)
    codes = listed[:PER_PAGE]
    return page.render(
        "codes.html",
        codes=codes,
        given=redeeming.given_by(session, [code.id for code in codes]),
        labels=page.labels(code.referrer for code in codes if code.referrer),
        older=codes[-1].id if len(listed) > PER_PAGE else None,
        before=before,
        state=state_of,
        attempt=forms.new_attempt,
        written=request.form,
        error=error,
    )


def state_of(code: Code) -> str:
    """Whether it can be redeemed, in a word."""
    if code.off_at is not None:
        return "off"
    if code.expires_at is not None and code.expires_at <= page.context().clock():
        return "over"
    return "used up" if code.max_claims is not None and code.claims >= code.max_claims else "active"


def make() -> ResponseReturnValue:
    """Make the code that the form describes."""
    operator = page.operator(Right.CODES)
    context = page.context()
    fresh: list[str] = []

    def note(made: str) -> None:
        fresh.append(made)
        page.record(
            operator,
            Right.CODES,
            owner=None,
            reason=reason,
            code=made,
            credits=credits,
            max_claims=max_claims,
        )

    try:
        name = forms.line(request.form, "code", max_length=64) or spelling.code_of(forms.required_attempt())
        reason = forms.reason()
        credits = forms.credits_to_move()
        max_claims, per_owner = optional("max_claims"), optional("per_owner") or 1
        lasts = optional("expires_after_days", max=MAX_DAYS)
        expires_after = None if lasts is None else timedelta(days=lasts)
        terms, ends = Terms(credits, max_claims, per_owner, expires_after), last_moment()
        code = making.make(context, name, terms, expires_at=ends, reason=reason, note=note)
    except (PrepaidError, ConfigError) as error:
        status = error.http_status if isinstance(error, PrepaidError) else 422
        return shown(error), status
    is_repeat = (state_of(code), code.expires_at, code.reason) == ("active", ends, reason)
    if fresh or is_repeat:
        flash(f"{code.code} gives {units.credits(code.credits)} to whoever redeems it.", "success")
    else:  # its end and its reason stay as they are
        flash(f"There is a code {code.code} already: it is {state_of(code)}. Nothing was changed.", "warning")
    return redirect(url_for("prepaid.operator_codes"), 303)


def optional(name: str, *, max: int = MAX_CREDITS) -> int | None:
    """A whole number of the form from 1 on; ``None`` where the field is empty.

    :raises UnknownItem: It is none.
    """
    written = request.form.get(name, "").strip()
    if not written:
        return None
    number = forms.row_id(written)
    if number is None or not 1 <= number <= max:
        raise UnknownItem(f"Write a whole number, 1 to {max:,}, or nothing.", field=name)
    return number


def last_moment() -> datetime | None:
    """The end of the day that the form names, by the shop's clock; ``None`` where it names none.

    :raises UnknownItem: It is no day.
    """
    written = request.form.get("until", "").strip()
    if not written:
        return None
    try:
        day = read_day(written)
    except ValueError as wrong:
        raise UnknownItem(str(wrong), field="until") from None
    zone = ZoneInfo(page.context().config.time_zone)
    return datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)


def switch() -> ResponseReturnValue:
    """Switch a code off, or on again."""
    operator = page.operator(Right.CODES)
    context = page.context()
    name = forms.line(request.form, "code", max_length=64)
    try:
        on = forms.one_of("do", ("on", "off"), "Say whether to switch the code on or off.") == "on"
        code = making.switch(
            context,
            name,
            on=on,
            note=lambda: page.record(
                operator, Right.CODES, owner=None, reason="switched on" if on else "switched off", code=name
            ),
        )
    except UnknownItem as error:
        flash(str(error), "warning")
    else:
        flash(f"{code.code} is {'on' if on else 'off'}. What it gave stays.", "success")
    before = forms.row_id(request.form.get("before", ""))
    return redirect(url_for("prepaid.operator_codes", before=before), 303)


def as_csv() -> ResponseReturnValue:
    """What each code gave in the days of the selection."""
    page.operator()
    context = page.context()
    selection = period.choice(context).selection
    rows = code_reports.by_code(context.session, selection, context.config.time_zone)
    return page.as_csv(
        "codes",
        code_reports.COLUMNS,
        [
            (row.code, row.claims, row.owners, units.plain(row.credits), units.plain(row.referrer_credits))
            for row in rows
        ],
    )
