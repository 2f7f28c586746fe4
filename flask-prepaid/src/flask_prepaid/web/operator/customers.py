"""Customers: found by whatever one has in hand, and one customer's whole story on a page."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

from flask import abort, redirect, request
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from prepaid_ledger.tables import Wallet

from ...payments import payments
from ...payments.customers import known_customer
from ...payments.models import Customer, Dispute, Payment, Refund, SavedCard
from ...purchases import cards, refunds, topups
from ...subscriptions.models import Invoice, PlanPrice, Subscription, SubscriptionChange
from .. import buying, page
from . import page as desk
from . import payments as operator_payments
from .roles import Right

#: Customers that one search shows, and payments on one page.
MOST_FOUND = 50
PAYMENTS = 50
ENTRIES = 50

#: Lines of a plan's history, of its invoices, and of what went back.
CHANGES = 24

#: So much of a name must be typed, lest everybody is found.
SHORTEST_NAME = 3


def search() -> ResponseReturnValue:
    """By mail, name, owner, ``cus_``, ``pi_``, ``ch_`` and other ids of Stripe's, or a payment's number."""
    desk.operator()
    session = page.extension().session
    text = desk.text_of("q")
    owners = find(session, text) if text else newest(session)
    if len(owners) == 1 and text:
        return redirect(desk.story_url(owners[0]), 303)
    wallets = {
        wallet.owner: wallet for wallet in session.scalars(select(Wallet).where(Wallet.owner.in_(owners)))
    }
    more = not text and len(owners) > MOST_FOUND
    owners = owners[:MOST_FOUND]
    return desk.render(
        "customers.html",
        text=text,
        owners=owners,
        wallets=wallets,
        names=desk.names(owners),
        older=wallets[owners[-1]].id if more else None,
    )


def newest(session: Session) -> list[str]:
    """One more than a page, from where the last one ended."""
    wanted = select(Wallet.owner).order_by(Wallet.id.desc()).limit(MOST_FOUND + 1)
    last = operator_payments.before()
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
    called = islice(page.extension().desk.find(text), MOST_FOUND)
    return list(dict.fromkeys([*(owner for owner in exact if owner), *called, *of_card_name(session, text)]))[
        :MOST_FOUND
    ]


def of_card_name(session: Session, text: str) -> Sequence[str]:
    """Who has a card on file with a name that has ``text`` in it."""
    if len(text) < SHORTEST_NAME:
        return ()
    bears = func.lower(SavedCard.name).contains(text.lower(), autoescape=True)
    return session.scalars(select(SavedCard.owner).where(bears).distinct().limit(MOST_FOUND)).all()


def of_payment(session: Session, text: str) -> str | None:
    """Whose payment a Stripe id, or a payment's own number, names."""
    number: int | None = None
    if text.isascii() and text.isdigit() and len(text) <= 18:
        number = int(text)
    elif text.startswith("re_"):
        number = session.scalar(select(Refund.payment_id).where(Refund.stripe_id == text))
    elif text.startswith(("dp_", "du_")):
        number = session.scalar(select(Dispute.payment_id).where(Dispute.id == text))
    found = session.get(Payment, number) if number else payments.find(session, stripe_id=text)
    return found.owner if found else None


def story(owner: str) -> ResponseReturnValue:
    """One customer's wallet and entries, payments and what went back, cards, and plan with its history."""
    who = desk.operator()
    prepaid = page.extension()
    session = prepaid.session
    bought = session.scalars(
        select(Payment).where(Payment.owner == owner).order_by(Payment.id.desc()).limit(PAYMENTS)
    ).all()
    there = select(Wallet.id).where(Wallet.owner == owner)
    if not bought and session.scalar(there) is None and known_customer(session, owner) is None:
        abort(404)
    try:
        entries = prepaid.entries(owner, limit=ENTRIES, cursor=request.args.get("cursor"))
    except ValueError:
        abort(404)
    return desk.render(
        "customer.html",
        owner=owner,
        name=desk.names([owner])[owner],
        wallet=prepaid.wallet(owner),
        lots=prepaid.lots(owner),
        entries=entries,
        payments=bought,
        taken=refunds.taken_by_bank(session, [payment.id for payment in bought]),
        customer_id=known_customer(session, owner),
        cards=cards.saved(session, owner),
        default=cards.default_card(session, owner),
        topup=topups.setting(session, owner),
        plans=plans_of(session, owner),
        changes=changes_of(session, owner),
        invoices=invoices_of(session, owner),
        moved_back=moved_back(session, owner),
        blocked=prepaid.desk.blocked(owner),
        may_block=who.may(Right.BLOCK) and prepaid.desk.block is not None,
        most=prepaid.config.small_grant,
        attempt=buying.new_attempt,
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


def moved_back(session: Session, owner: str) -> list[tuple[str, Refund | Dispute, Payment]]:
    """Refunds and disputes of all the customer's payments, the latest first."""

    def of(table: type[Refund] | type[Dispute]) -> Sequence[Any]:
        return session.execute(
            select(table, Payment)
            .join(Payment, Payment.id == table.payment_id)
            .where(Payment.owner == owner)
            .order_by(table.created_at.desc())
            .limit(CHANGES)
        ).all()

    found = [
        (word, row, payment)
        for word, table in (("Refund", Refund), ("Dispute", Dispute))
        for row, payment in of(table)
    ]
    return sorted(found, key=lambda one: one[1].created_at, reverse=True)[:CHANGES]
