"""Payments: those of a time by their state, with what failed and was recovered in it; also as CSV."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Literal

from flask import Response, request
from flask.typing import ResponseReturnValue
from sqlalchemy import Select, exists, select

from ....context import reading
from ....languages import units
from ....payments import shown_states
from ....payments.models import Dispute, Payment
from ....payments.shown_states import RefundSums, ShownState
from ....reports import days
from ....reports.failures import Failures
from ....reports.selection import Selection
from ... import forms
from .. import page
from ..reports import failures, period

#: Payments on one page, and those that are read at once for a file.
SHOWN = 50
READ_AT_ONCE = 1_000

#: Payments that a bank has asked about, whatever came of it.
WITH_DISPUTE: Literal["with_dispute"] = "with_dispute"

#: What a list can be of: a state, or more than one.
Filter = ShownState | Literal["with_dispute"]

#: What of a payment goes into a file.
FIELDS = (
    "id",
    "created_at",
    "paid_at",
    "owner",
    "title",
    "via",
    "state",
    "failure",
    "credits",
    "currency",
    "amount_minor",
    "discount_minor",
    "tax_minor",
    "paid_minor",
    "refunded_minor",
    "refund_under_way_minor",
    "refund_failed_minor",
    "taken_by_bank_minor",
    "payment_intent_id",
    "charge_id",
    "invoice_id",
)


def listing() -> ResponseReturnValue:
    """What failed and was recovered in a time, and its payments, the newest first."""
    page.operator()
    context = page.context()
    choice, state = period.choice(context), chosen_state()
    wanted = payments_of(choice.selection, state, before=before())
    rows = context.session.scalars(wanted.limit(SHOWN + 1)).all()
    html = page.render(
        "payments.html",
        **choice.shown(context),
        tables=failures.tables(choice.selection),
        payments=rows[:SHOWN],
        shown_states=shown_states.of_each(context.session, rows),
        refunded=shown_states.refunded_of_each(context.session, rows),
        older=rows[SHOWN - 1].id if len(rows) > SHOWN else None,
        labels=page.labels(payment.owner for payment in rows[:SHOWN]),
        state=state,
        states=(*shown_states.ALL, WITH_DISPUTE),
    )
    return html, choice.status


def chosen_state() -> Filter | None:
    word = request.args.get("state", "")
    return WITH_DISPUTE if word == WITH_DISPUTE else shown_states.named(word)


def before() -> int | None:
    """The number of the row that the last page ended with."""
    return forms.row_id(request.args.get("before", ""))


def payments_of(selection: Selection, state: Filter | None, *, before: int | None) -> Select[Payment]:
    """The payments of a time, by the state that pages show of them, the newest first."""
    zone, span = page.context().config.time_zone, selection.span
    wanted = (
        select(Payment)
        .where(
            Payment.created_at >= days.midnight(span.first, zone),
            Payment.created_at < days.midnight(span.last + timedelta(days=1), zone),
        )
        .order_by(Payment.id.desc())
    )
    if state == WITH_DISPUTE:
        wanted = wanted.where(exists().where(Dispute.payment_id == Payment.id).correlate(Payment))
    elif state is not None:
        wanted = wanted.where(shown_states.column() == state)
    if selection.currency:
        wanted = wanted.where(Payment.currency == selection.currency)
    return wanted if before is None else wanted.where(Payment.id < before)


def as_csv() -> Response:
    """The payments of the time; with ``part=failures`` the failures by period."""
    page.operator()
    context = page.context()
    selection = period.choice(context).selection
    if request.args.get("part") == "failures":
        rows = [
            (day.isoformat(), table.currency, *line.as_dict().values())
            for table in failures.tables(selection)
            for day, line in table.lines
        ]
        return page.as_csv("failed-payments", ["day", "currency", *Failures().as_dict()], rows)
    return page.as_csv("payments", FIELDS, all_of(selection, chosen_state()))


def all_of(selection: Selection, state: Filter | None) -> Iterator[list[object]]:
    """The lines of a file, however many: between two parts no connection waits for who reads it."""
    context, before = page.context(), None
    while True:
        with reading(context) as session:
            wanted = payments_of(selection, state, before=before).limit(READ_AT_ONCE)
            rows = session.scalars(wanted).all()
            shown, taken = shown_states.of_each(session, rows), shown_states.taken_of_each(session, rows)
            refunded = shown_states.refunded_of_each(session, rows)
            read = [
                (row.id, list(cells(row, shown[row.id], taken[row.id], refunded[row.id]))) for row in rows
            ]
        yield from (line for _, line in read)
        if len(read) < READ_AT_ONCE:
            return
        before = read[-1][0]


def cells(payment: Payment, state: ShownState, taken_minor: int, refunded: RefundSums) -> Iterator[object]:
    computed: dict[str, Any] = {
        "state": state,
        "taken_by_bank_minor": taken_minor,
        "refunded_minor": refunded.done_minor,
        "refund_under_way_minor": refunded.under_way_minor,
        "refund_failed_minor": refunded.failed_minor,
    }
    for name in FIELDS:
        value: Any = computed[name] if name in computed else getattr(payment, name)
        if name.endswith("_at") and value is not None:
            value = value.isoformat(timespec="seconds")
        if name == "credits" and value is not None:
            value = units.plain(value)
        yield "" if value is None else value
