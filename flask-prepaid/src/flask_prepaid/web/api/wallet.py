"""What a customer has and had: balance, entries, usage, statement; and what a page needs to begin with."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta

from flask import request

from ...errors import UnknownItem
from ...languages import units
from .. import csrf, forms, page
from ..visitors import spenders
from . import shapes
from .keys import budget

#: The longest span of usage and statements.
MAX_DAYS = 366

#: How many entries or payments one page has, and at most.
PAGE, MAX_PAGE = 50, 200


def session(owner: str) -> shapes.SessionAnswer:
    """Begin: the token of this session, and what Stripe's script needs."""
    config = page.context().config
    return shapes.SessionAnswer(csrf.token(), config.stripe_publishable_key, config.stripe_js_url)


def balance(owner: str) -> shapes.BalanceAnswer:
    """What the customer has, and when which part of it lapses."""
    ledger = page.context().ledger
    wallet = ledger.wallet(owner)
    lots = [
        shapes.Lot(
            str(lot.kind),
            units.plain(lot.credits),
            units.plain(lot.left),
            units.plain(lot.held),
            lot.expires_at,
        )
        for lot in ledger.lots(owner)
    ]
    return shapes.BalanceAnswer(
        units.plain(wallet.balance),
        units.plain(wallet.held),
        units.plain(wallet.available),
        units.plain(wallet.debt),
        lots,
    )


def budgets(owner: str) -> shapes.BudgetsAnswer:
    """What limits whoever asks, payer or not: their own budgets, and the whole wallet's."""
    ledger, mine = page.context().ledger, page.context().team.current()
    limits = [budget(each) for each in ledger.budgets(owner) if each.spender in (None, mine)]
    return shapes.BudgetsAnswer(units.plain(ledger.available(owner)), limits)


def balance_of(owner: str) -> shapes.Credits:
    return units.plain(page.context().ledger.balance(owner))


def entries(owner: str) -> shapes.EntriesAnswer:
    """Why the balance is what it is, the newest first."""
    limit = limit_asked()
    try:
        listed = page.context().ledger.entries(owner, limit=limit, cursor=request.args.get("cursor"))
    except ValueError:
        raise no_cursor() from None
    return shapes.EntriesAnswer(
        [
            shapes.Entry(
                entry.seq,
                entry.at,
                str(entry.kind),
                units.plain(entry.credits),
                units.plain(entry.balance_after),
                entry.key,
            )
            for entry in listed
        ],
        listed.next_cursor,
        listed.archived_until,
    )


def usage(owner: str) -> shapes.UsageAnswer:
    """What was spent, by day, hour, spender or item; of the last 30 days unless from and to say otherwise."""
    by = request.args.get("by", "day")
    if by not in ("day", "hour", "spender", "item"):
        raise UnknownItem("by is day, hour, spender or item.", field="by")
    start, end = days_asked()
    rows = page.context().ledger.usage(owner, start, end, by=by)
    names = spenders.names_of(owner, {row.spender for row in rows if row.spender})
    return shapes.UsageAnswer(
        [
            shapes.UsageRow(
                row.start,
                row.spender,
                names[row.spender] if row.spender else None,
                row.item,
                units.plain(row.credits),
                units.plain(row.returned),
                row.calls,
            )
            for row in rows
        ]
    )


def statement(owner: str) -> shapes.StatementAnswer:
    """What moved the balance, by kind; of the last 30 days unless from and to say otherwise."""
    start, end = days_asked()
    moved = page.context().ledger.statement(owner, start, end)
    by_kind = {str(kind): units.plain(credits) for kind, credits in moved.by_kind.items()}
    return shapes.StatementAnswer(units.plain(moved.opening), units.plain(moved.closing), by_kind)


def limit_asked() -> int:
    """How many rows are wanted.

    :raises UnknownItem: It is no number from 1 to 200.
    """
    limit = forms.row_id(request.args.get("limit", str(PAGE)))
    if limit is None or not 1 <= limit <= MAX_PAGE:
        raise UnknownItem(f"limit is a whole number from 1 to {MAX_PAGE}.", field="limit")
    return limit


def no_cursor() -> UnknownItem:
    return UnknownItem("cursor is none that an answer has given.", field="cursor")


def days_asked() -> tuple[datetime, datetime]:
    """From the beginning of the first day up to the end of the last, UTC.

    :raises UnknownItem: One is no day, or they are too far apart.
    """
    today = page.context().clock().date()
    first = day_asked("from", today - timedelta(days=29))
    last = day_asked("to", today)
    if not first <= last <= first + timedelta(days=MAX_DAYS):
        raise UnknownItem(f"from and to span 0 to {MAX_DAYS} days.", field="to")
    start, end = (datetime.combine(day, time(), UTC) for day in (first, last + timedelta(days=1)))
    return start, end


def day_asked(name: str, default: date) -> date:
    """
    :raises UnknownItem: It is no day of this century.
    """
    text = request.args.get(name)
    if text is None:
        return default
    if len(text) == 10 and text.startswith("20") and text.isascii():
        with suppress(ValueError):
            return date.fromisoformat(text)
    raise UnknownItem(f"{name} is a day such as 2026-11-23.", field=name)
