"""A plan's paid invoice is settled: its payment is written down, and its credits are given or taken, once."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime
from fractions import Fraction

from sqlalchemy import select

from prepaid_ledger import clock
from prepaid_ledger.database import insert

from ... import signals
from ...context import Context
from ...gateway.billing.invoice_values import StripeInvoice
from ...gateway.values import moment
from ...payments import earlier_money, part_charges
from ...payments.customers import removal
from ...payments.models import Payment, PaymentState, Via
from ..models import Invoice, InvoiceState, PlanPrice, Subscription
from . import giving, smaller_plans
from .billed import known_of
from .worth import NotOurs, whole_period, worth

log = logging.getLogger(__name__)

#: An invoice in one of these changes no more.
FINAL = frozenset({InvoiceState.PAID, InvoiceState.VOID})


def unsettled_since(context: Context, subscription_id: int) -> datetime | None:
    """From when on invoices may still have to be settled; ``None`` is all of them."""
    mine = select(Invoice.created_at).where(Invoice.subscription_id == subscription_id)
    waits = Invoice.state.not_in(FINAL) | ((Invoice.state == InvoiceState.PAID) & Invoice.credits.is_(None))
    waiting = context.session.scalar(mine.where(waits).order_by(Invoice.created_at))
    return waiting or context.session.scalar(mine.order_by(Invoice.created_at.desc()))


def apply(
    context: Context,
    subscription: Subscription,
    bills: Iterable[StripeInvoice],
    prices: Mapping[str, PlanPrice],
) -> None:
    """Bring the rows of these invoices to what was fetched, and settle what is paid, oldest first.

    The caller holds the subscription's row.
    """
    gives_to_balance = False
    for bill in bills:
        row = _row(context, subscription, bill)
        if row.state == InvoiceState.PAID and row.credits is None:
            _settle(context, subscription, row, bill, prices)
            gives_to_balance |= bill.total_minor < 0
    if gives_to_balance:
        earlier_money.look_again(context.session, subscription.owner)


def _row(context: Context, subscription: Subscription, bill: StripeInvoice) -> Invoice:
    session = context.session
    period = whole_period(bill.lines)
    values = {
        "number": bill.number,
        "state": bill.status,
        "total_minor": bill.total_minor,
        "due_minor": bill.due_minor,
        "currency": bill.currency,
        "period_start": moment(period[0]) if period else None,
        "period_end": moment(period[1]) if period else None,
        "page_url": bill.page_url,
        "pdf_url": bill.pdf_url,
        "retry_at": bill.retry_at,
        "under_way": bill.under_way,
        "created_at": bill.created_at,
        "paid_at": bill.paid_at,
        "fetched_at": bill.asked_at,
    }
    fresh = {"subscription_id": subscription.id, "stripe_id": bill.id, **values}
    session.execute(insert(session, Invoice).values(fresh).on_conflict_do_nothing())
    named = select(Invoice).where(Invoice.stripe_id == bill.id).execution_options(populate_existing=True)
    row = session.scalars(named).one()
    if row.fetched_at <= bill.asked_at and row.state not in FINAL:
        for name, value in values.items():
            setattr(row, name, value)
        session.flush()
    return row


def _settle(
    context: Context,
    subscription: Subscription,
    row: Invoice,
    bill: StripeInvoice,
    prices: Mapping[str, PlanPrice],
) -> None:
    """Give what a paid invoice bought, once: the row's lock is held, and its credits are not set."""
    try:
        due = worth(bill.lines, known_of(context, subscription, prices))
    except NotOurs as unknown:
        log.error("invoice %s of %s gives no credits: %s is not known", bill.id, subscription.owner, unknown)
        return
    if bill.credited_minor:
        due = due.credited(Fraction(bill.total_minor - bill.credited_minor, bill.total_minor))
    row.credits, row.per_period = 0, due.per_period
    given = row.given = due.given
    row.credits = given - smaller_plans.take(context, subscription, row, due)
    if given or bill.total_minor > bill.credited_minor:
        payment = _payment(context, subscription, row, bill, given)
        if due.carried is not None:
            at, carried = bill.paid_at or bill.created_at, due.carried
            earlier_money.note_carried(context.session, payment, carried.minor, carried.credits, at)
    if given:
        giving.give(context, subscription, row, bill, due, payment)
        giving.give_once(context, subscription, row, bill, prices)


def _payment(
    context: Context, subscription: Subscription, row: Invoice, bill: StripeInvoice, credits: int
) -> Payment:
    """The paid invoice as a payment like any other: with a receipt, a history, refunds and disputes.

    One that costs something and gives no credits is a payment, too: a dearer plan may give as many.
    """
    price = context.session.get_one(PlanPrice, subscription.price_id)
    payment = Payment(
        owner=subscription.owner,
        via=Via.PLAN,
        state=PaymentState.PAID,
        title=price.title,
        credits=credits,
        amount_minor=max(bill.total_minor - bill.credited_minor, 0),
        currency=bill.currency,
        paid_minor=bill.paid_minor,
        charged_minor=bill.charged_minor,
        discount_minor=bill.discount_minor,
        tax_minor=bill.tax_minor,
        taxed=bill.taxed,
        invoice_number=bill.number,
        idempotency_key=f"prepaid-{bill.id}",
        payment_intent_id=bill.intent_id,
        invoice_id=bill.id,
        receipt_url=bill.page_url,
        created_at=bill.created_at,
        paid_at=bill.paid_at,
    )
    if row.fetched_at < bill.asked_at:  # events of what went back since have found no payment
        payment.check_at = clock.wall()
    context.session.add(payment)
    context.session.flush()
    earlier_money.note_balance(context.session, payment, bill)
    part_charges.write_down(context.session, payment, bill.charges)
    removal.reopen(context.session, payment.owner, payment.created_at)
    row.payment_id = payment.id
    signals.after_commit(context.session, signals.payment_paid, owner=payment.owner, payment_id=payment.id)
    return payment
