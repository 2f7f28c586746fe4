"""Payments: all of them, those that failed and what came of it, and each one by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any

from flask import Response, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Select, select

from ... import money
from ...context import reading
from ...errors import NotYours, UnknownItem
from ...languages import units
from ...payments import part_charges, shown_states
from ...payments.dispute_states import DisputeState
from ...payments.models import Dispute, Payment, PaymentState, Refund
from ...payments.outcome import wrong_charges
from ...payments.shown_states import RefundSums, ShownState
from ...purchases import reviews
from ...purchases.money_back import fraud_warnings, refundable
from ...purchases.money_back.disputes import taken_by_bank
from ...reports import days, failures
from ...reports.balance import fees
from ...reports.failures import Failures
from ...reports.models import Copying
from ...reports.selection import Selection
from .. import causes, forms
from . import page
from .reports import charts, period
from .roles import Right

#: Payments on one page, and those that are read at once for a file.
SHOWN = 50
READ_AT_ONCE = 1_000

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
    page.operator()
    context = page.context()
    choice, state = period.choice(context), chosen_state()
    wanted = payments_of(choice.selection, state, before=before())
    rows = context.session.scalars(wanted.limit(SHOWN + 1)).all()
    html = page.render(
        "payments.html",
        **choice.shown(context),
        tables=tables(choice.selection),
        payments=rows[:SHOWN],
        shown_states=shown_states.of_each(context.session, rows),
        refunded=shown_states.refunded_of_each(context.session, rows),
        older=rows[SHOWN - 1].id if len(rows) > SHOWN else None,
        labels=page.labels(payment.owner for payment in rows[:SHOWN]),
        state=state,
        states=shown_states.ALL,
    )
    return html, choice.status


def chosen_state() -> ShownState | None:
    return shown_states.named(request.args.get("state", ""))


def before() -> int | None:
    """The number of the row that the last page ended with."""
    return forms.row_id(request.args.get("before", ""))


def payments_of(selection: Selection, state: ShownState | None, *, before: int | None) -> Select[Payment]:
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
    if state is not None:
        wanted = wanted.where(shown_states.column() == state)
    if selection.currency:
        wanted = wanted.where(Payment.currency == selection.currency)
    return wanted if before is None else wanted.where(Payment.id < before)


def tables(selection: Selection) -> list[Table]:
    """One table per currency in which a payment failed in the span or before it."""
    context = page.context()
    rows = failures.failures(context, selection)
    now, then = failures.totals(rows), failures.totals(failures.failures(context, selection.before()))
    made = []
    for currency in sorted(now.keys() | then.keys()):
        failed = {day: line for day, of_currency, line in rows if of_currency == currency}
        lines = [(day, failed.get(day, Failures())) for day in selection.span.pieces(selection.by)]
        made.append(
            Table(
                currency,
                lines,
                now.get(currency, Failures()),
                then.get(currency, Failures()),
                chart(currency, lines),
            )
        )
    return made


def chart(currency: str, lines: list[tuple[date, Failures]]) -> charts.Chart:
    return charts.columns(
        f"Failed payments in {currency.upper()} by period, and those recovered",
        [period.day_label(day) for day, _ in lines],
        [
            charts.Series("Failed", "gross", [line.failed for _, line in lines]),
            charts.Series("Recovered", "net", [line.recovered for _, line in lines]),
        ],
    )


def as_csv() -> Response:
    """The payments of the time; with ``part=failures`` the failures by period."""
    page.operator()
    context = page.context()
    selection = period.choice(context).selection
    if request.args.get("part") == "failures":
        rows = [
            (day.isoformat(), table.currency, *line.as_dict().values())
            for table in tables(selection)
            for day, line in table.lines
        ]
        return page.as_csv("failed-payments", ["day", "currency", *Failures().as_dict()], rows)
    return page.as_csv("payments", FIELDS, all_of(selection, chosen_state()))


def all_of(selection: Selection, state: ShownState | None) -> Iterator[list[object]]:
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


def payment(payment_id: int) -> ResponseReturnValue:
    """One payment, its refunds and disputes, and the way to refund more."""
    operator = page.operator()
    session = page.context().session
    row = by_number(payment_id)
    disputes = session.scalars(
        select(Dispute).where(Dispute.payment_id == row.id).order_by(Dispute.created_at)
    ).all()
    charges = {part.intent_id for part in part_charges.of(session, row)}
    taking = [each for each in disputes if each.takes_money and each.payment_intent_id in charges]
    taken_minor = sum(dispute.amount_minor for dispute in taking)
    lost_minor = sum(dispute.amount_minor for dispute in taking if dispute.state == DisputeState.LOST)
    kept_minor = row.charged_minor - row.refunded_minor - taken_minor
    sent_back = session.scalars(select(Refund).where(Refund.payment_id == row.id).order_by(Refund.id)).all()
    return page.render(
        "payment.html",
        payment=row,
        state=shown_states.of_each(session, [row])[row.id],
        refunded=shown_states.refunded_of_each(session, [row])[row.id],
        name=page.label(row.owner),
        refunds=sent_back,
        named=page.in_names([row.review, *(refund.reason for refund in sent_back)]),
        disputes=disputes,
        lost_minor=lost_minor,
        held_minor=taken_minor - lost_minor,
        kept_minor=kept_minor,
        fees=fees.fees_of(session, row, kept_minor=kept_minor),
        copying=session.get(Copying, 1),
        left=refundable.left_to_refund(session, row),
        is_refund_unknown=refundable.is_refund_unknown(session, row.id),
        unspent=unspent_of(row),
        taken=taken_by_bank(session, [row.id]).get(row.id),
        warning=fraud_warnings.of_payment(session, row.id),
        warnings_without_credits=fraud_warnings.of_payment_without_credits(session, row.id),
        may_refund=operator.may(Right.REFUND),
        reviews=wrong_charges.of(session, row),
        charge_name=wrong_charges.name_of,
        may_review=operator.may(Right.REVIEW) and row.state is PaymentState.NEEDS_REVIEW,
        may_give=operator.may(Right.REVIEW) and operator.may(Right.GRANT),
        decimal=money.decimal,
        attempt=forms.new_attempt,
    )


def review(payment_id: int) -> ResponseReturnValue:
    """Note that a charge which needed a review is dealt with, and how; or give what it was to buy."""
    gives = request.form.get("give") == "yes"
    operator = page.operator(Right.REVIEW)
    if gives:
        page.operator(Right.GRANT)
    owner, charge = by_number(payment_id).owner, forms.line(request.form, "charge") or None
    end_review = reviews.accept if gives else reviews.close
    try:
        reason = forms.reason()
        record = partial(page.record, operator, Right.REVIEW, owner=owner, reason=reason, payment=payment_id)
        review = f"{reason} (by {operator.name})"
        end_review(page.context(), payment_id, review=review, charge=charge, note=record)
    except UnknownItem as error:
        flash(str(error), "warning")
    else:
        done = "has given its credits" if gives else "is reviewed"
        flash(f"Payment {payment_id} {done}.", "success")
    return redirect(url_for("prepaid.operator_payment", payment_id=payment_id), 303)


def unspent_of(payment: Payment) -> int:
    """How many credits of a payment are left, those that are set aside among them."""
    context = page.context()
    lots = context.ledger.lots(payment.owner)
    payment_of = causes.payments_behind(context.session, payment.owner, {lot.key for lot in lots})
    return sum(lot.left + lot.held for lot in lots if payment_of.get(lot.key) == payment.id)


def by_number(payment_id: int) -> Payment:
    """
    :raises NotYours: There is no such payment.
    """
    payment = page.context().session.get(Payment, payment_id)
    if payment is None:
        raise NotYours("There is no such payment.")
    return payment
