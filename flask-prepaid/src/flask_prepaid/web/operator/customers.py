"""Customers: found by a mail, a name or an id, and all of one customer on a page."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

from flask import abort, redirect, request
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from prepaid_ledger.tables import Wallet

from ...payments import payments as payment_rows
from ...payments.customers import known_customer
from ...payments.models import Customer, Dispute, Payment, Refund, SavedCard
from ...purchases import cards, fraud_warnings, refunds, topups
from ...subscriptions.models import Invoice, PlanPrice, Subscription, SubscriptionChange
from .. import forms
from . import page, payments
from .roles import Right

#: Customers that one search shows, and payments on one page.
MAX_FOUND = 50
PAYMENTS = 50
ENTRIES = 50

#: Lines of a plan's history, of its invoices, and of refunds and disputes.
CHANGES = 24

#: So many letters of a name must be typed: fewer would find everybody.
MIN_NAME = 3


def search() -> ResponseReturnValue:
    """By mail, name, owner, ``cus_``, ``pi_``, ``ch_`` and other ids of Stripe's, or a payment's number."""
    page.operator()
    session = page.context().session
    text = forms.line(request.args, "q")
    owners = find(session, text) if text else newest(session)
    if len(owners) == 1 and text:
        return redirect(page.customer_url(owners[0]), 303)
    wallets = {
        wallet.owner: wallet for wallet in session.scalars(select(Wallet).where(Wallet.owner.in_(owners)))
    }
    more = not text and len(owners) > MAX_FOUND
    owners = owners[:MAX_FOUND]
    return page.render(
        "customers.html",
        text=text,
        owners=owners,
        wallets=wallets,
        labels=page.labels(owners),
        older=wallets[owners[-1]].id if more else None,
    )


def newest(session: Session) -> list[str]:
    """One more than a page, from where the last one ended."""
    wanted = select(Wallet.owner).order_by(Wallet.id.desc()).limit(MAX_FOUND + 1)
    last = payments.before()
    return list(session.scalars(wanted if last is None else wanted.where(Wallet.id < last)))


def find(session: Session, text: str) -> list[str]:
    """The owners that ``text`` is about."""
    exact = [
        session.scalar(select(Wallet.owner).where(Wallet.owner == text)),
        session.scalar(select(Customer.owner).where(Customer.stripe_id == text)),
        session.scalar(select(Subscription.owner).where(Subscription.stripe_id == text)),
        session.scalar(
            select(Subscription.owner)
            .join(Invoice, Invoice.subscription_id == Subscription.id)
            .where(Invoice.stripe_id == text)
        ),
        of_payment(session, text),
    ]
    of_host = islice(page.context().operators.find(text), MAX_FOUND)
    owners = [*(owner for owner in exact if owner), *of_host, *of_card_name(session, text)]
    return list(dict.fromkeys(owners))[:MAX_FOUND]


def of_card_name(session: Session, text: str) -> Sequence[str]:
    """Who has a card on file with a name that has ``text`` in it."""
    if len(text) < MIN_NAME:
        return ()
    bears = func.lower(SavedCard.name).contains(text.lower(), autoescape=True)
    return session.scalars(select(SavedCard.owner).where(bears).distinct().limit(MAX_FOUND)).all()


def of_payment(session: Session, text: str) -> str | None:
    """Whose payment a Stripe id, or a payment's own number, names."""
    number = forms.row_id(text)
    if text.startswith("re_"):
        number = session.scalar(select(Refund.payment_id).where(Refund.stripe_id == text))
    elif text.startswith(("dp_", "du_")):
        number = session.scalar(select(Dispute.payment_id).where(Dispute.id == text))
    payment = session.get(Payment, number) if number else payment_rows.find(session, stripe_id=text)
    return payment.owner if payment else None


def customer(owner: str) -> ResponseReturnValue:
    """One customer: wallet, entries, payments, refunds and disputes, cards, and the plan with its history."""
    operator = page.operator()
    context = page.context()
    session = context.session
    bought = session.scalars(
        select(Payment).where(Payment.owner == owner).order_by(Payment.id.desc()).limit(PAYMENTS)
    ).all()
    there = select(Wallet.id).where(Wallet.owner == owner)
    if not bought and session.scalar(there) is None and known_customer(session, owner) is None:
        abort(404)
    try:
        entries = context.ledger.entries(owner, limit=ENTRIES, cursor=request.args.get("cursor"))
    except ValueError:
        abort(404)
    return page.render(
        "customer.html",
        owner=owner,
        name=page.label(owner),
        wallet=context.ledger.wallet(owner),
        lots=context.ledger.lots(owner),
        entries=entries,
        payments=bought,
        taken=refunds.taken_by_bank(session, [payment.id for payment in bought]),
        customer_id=known_customer(session, owner),
        refused_email=session.scalar(select(Customer.refused_email).where(Customer.owner == owner)),
        warned=fraud_warnings.payments_to_answer(session, CHANGES, owner=owner),
        cards=cards.saved(session, owner),
        default=cards.default_card(session, owner),
        topup=topups.setting(session, owner),
        plans=plans_of(session, owner),
        changes=changes_of(session, owner),
        invoices=invoices_of(session, owner),
        refunds_and_disputes=refunds_and_disputes(session, owner),
        blocked=context.operators.blocked(owner),
        may_block=operator.may(Right.BLOCK) and context.operators.block is not None,
        small_grant=context.config.small_grant,
        attempt=forms.new_attempt,
    )


def plans_of(session: Session, owner: str) -> Sequence[tuple[Subscription, PlanPrice]]:
    rows = session.execute(
        select(Subscription, PlanPrice)
        .join(PlanPrice, PlanPrice.id == Subscription.price_id)
        .where(Subscription.owner == owner)
        .order_by(Subscription.id.desc())
        .limit(10)
    )
    return [(subscription, price) for subscription, price in rows]


def changes_of(session: Session, owner: str) -> Sequence[SubscriptionChange]:
    """What happened to the customer's plans, the latest first."""
    mine = select(SubscriptionChange).where(SubscriptionChange.owner == owner)
    return session.scalars(mine.order_by(SubscriptionChange.id.desc()).limit(CHANGES)).all()


def invoices_of(session: Session, owner: str) -> Sequence[Invoice]:
    mine = (
        select(Invoice)
        .join(Subscription, Subscription.id == Invoice.subscription_id)
        .where(Subscription.owner == owner, Invoice.state != "draft")
    )
    return session.scalars(mine.order_by(Invoice.created_at.desc(), Invoice.id.desc()).limit(CHANGES)).all()


def refunds_and_disputes(session: Session, owner: str) -> list[tuple[str, Refund | Dispute, Payment]]:
    """Those of all the customer's payments, the latest first."""
    rows = [
        (word, row, payment)
        for word, table in (("Refund", Refund), ("Dispute", Dispute))
        for row, payment in latest_of(session, table, owner)
    ]
    return sorted(rows, key=lambda row: row[1].created_at, reverse=True)[:CHANGES]


def latest_of(session: Session, table: type[Refund] | type[Dispute], owner: str) -> Sequence[Any]:
    return session.execute(
        select(table, Payment)
        .join(Payment, Payment.id == table.payment_id)
        .where(Payment.owner == owner)
        .order_by(table.created_at.desc())
        .limit(CHANGES)
    ).all()
