"""Payments: all of them, those that failed and what came of it, and each one by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from flask import Response, request
from flask.typing import ResponseReturnValue
from sqlalchemy import Select, select

from ...errors import NotYours
from ...payments.models import Dispute, Payment, PaymentState, Refund
from ...purchases import refunds
from ...reports import days, failures
from ...reports.failures import Failures
from .. import page
from . import charts
from . import page as desk
from .roles import Right
from .sales import LATELY, Choice, choice, day_label

#: Payments on one page, and lines of a file to download.
SHOWN = 50
MOST_LINES = 100_000

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
    "payment_intent_id",
    "charge_id",
    "invoice_id",
)


@dataclass(frozen=True)
class Table:
    """The failures of one currency: a line for each period, the total, and that of the time before."""

    currency: str
    lines: list[tuple[date, Failures]]
    total: Failures
    before: Failures
    chart: charts.Chart


def listing() -> ResponseReturnValue:
    """What failed and was recovered in a time, and its payments, the newest first."""
    desk.operator()
    picked = choice()
    state = asked_state()
    found = page.extension().session.scalars(payments_of(picked, state, before=before()).limit(SHOWN + 1))
    rows = list(found)
    html = desk.render(
        "payments.html",
        picked=picked,
        tables=tables(picked),
        payments=rows[:SHOWN],
        older=rows[SHOWN - 1].id if len(rows) > SHOWN else None,
        names=desk.names(payment.owner for payment in rows[:SHOWN]),
        state=state,
        states=list(PaymentState),
        lately=[(count, days.last_days(page.extension(), count)) for count in LATELY],
    )
    return html, 422 if picked.wrong else 200


def asked_state() -> PaymentState | None:
    asked = request.args.get("state", "")
    return PaymentState(asked) if asked in set(PaymentState) else None


def before() -> int | None:
    """The number of the payment that the last page ended with."""
    text = request.args.get("before", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def payments_of(picked: Choice, state: PaymentState | None, *, before: int | None) -> Select[Payment]:
    zone, span = page.extension().config.time_zone, picked.span
    wanted = (
        select(Payment)
        .where(
            Payment.created_at >= failures.midnight(span.first, zone),
            Payment.created_at < failures.midnight(span.last + timedelta(days=1), zone),
        )
        .order_by(Payment.id.desc())
    )
    if state is not None:
        wanted = wanted.where(Payment.state == state)
    if picked.currency:
        wanted = wanted.where(Payment.currency == picked.currency)
    return wanted if before is None else wanted.where(Payment.id < before)


def tables(picked: Choice) -> list[Table]:
    now, then = read(picked.span, picked), failures.totals(read(picked.span.before(), picked))
    totals, found = failures.totals(now), []
    for currency in sorted(totals.keys() | then.keys()):
        of_day = {day: line for day, of, line in now if of == currency}
        lines = [(day, of_day.get(day, Failures())) for day in picked.span.pieces(picked.by)]
        found.append(
            Table(
                currency,
                lines,
                totals.get(currency, Failures()),
                then.get(currency, Failures()),
                charts.columns(
                    f"Failed payments in {currency.upper()} by period, and those recovered",
                    [day_label(day) for day, _ in lines],
                    [
                        charts.Series("Failed", "gross", [line.failed for _, line in lines]),
                        charts.Series("Recovered", "net", [line.recovered for _, line in lines]),
                    ],
                ),
            )
        )
    return found


def read(span: days.Span, picked: Choice) -> list[tuple[date, str, Failures]]:
    return failures.failures(
        page.extension(), start=span.first, end=span.last, currency=picked.currency, by=picked.by
    )


def as_csv() -> Response:
    """The payments of the time; with ``part=failures`` the failures by period."""
    desk.operator()
    picked = choice()
    if request.args.get("part") == "failures":
        rows = [
            (day.isoformat(), table.currency, *line.as_dict().values())
            for table in tables(picked)
            for day, line in table.lines
        ]
        return desk.as_csv("failed-payments", ["day", "currency", *Failures().as_dict()], rows)
    found = page.extension().session.scalars(
        payments_of(picked, asked_state(), before=None).limit(MOST_LINES).execution_options(yield_per=1_000)
    )
    return desk.as_csv("payments", FIELDS, (list(cells(payment)) for payment in found))


def cells(payment: Payment) -> Iterator[object]:
    for name in FIELDS:
        value = getattr(payment, name)
        if name.endswith("_at") and value is not None:
            value = value.isoformat(timespec="seconds")
        yield "" if value is None else value


def payment(payment_id: int) -> ResponseReturnValue:
    """One payment, what went back of it, and the form to send back more."""
    who = desk.operator()
    session = page.extension().session
    found = of_number(payment_id)
    return desk.render(
        "payment.html",
        payment=found,
        name=desk.names([found.owner])[found.owner],
        refunds=session.scalars(
            select(Refund).where(Refund.payment_id == found.id).order_by(Refund.id)
        ).all(),
        disputes=session.scalars(
            select(Dispute).where(Dispute.payment_id == found.id).order_by(Dispute.created_at)
        ).all(),
        left=max((found.paid_minor or 0) - found.refunded_minor, 0),
        taken=refunds.taken_by_bank(session, [found.id]).get(found.id),
        may_refund=who.may(Right.REFUND),
    )


def of_number(payment_id: int) -> Payment:
    found = page.extension().session.get(Payment, payment_id) if payment_id < 2**63 else None
    if found is None:
        raise NotYours("There is no such payment.")
    return found
