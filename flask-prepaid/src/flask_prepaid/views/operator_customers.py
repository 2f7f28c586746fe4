"""Customers: found by whatever one has in hand, and one customer's whole story on a page."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from flask import abort, redirect, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from .. import cards, payments, topups
from ..customers import known_customer
from ..errors import NotYours
from ..models import Customer, Dispute, Payment, Refund, Wallet
from ..operators import Right
from ..subscriptions.models import PlanPrice, Subscription
from . import buying, desk, page

#: Customers that one search shows, and payments on one page.
MOST_FOUND = 50
PAYMENTS = 50
ENTRIES = 50


def search() -> ResponseReturnValue:
    """By mail, owner, ``cus_``, ``pi_``, ``ch_`` and other ids of Stripe's, or the number of a payment."""
    desk.operator()
    session = page.extension().session
    text = desk.text_of("q")
    owners = find(session, text) if text else newest(session)
    if len(owners) == 1 and text:
        return redirect(desk.story_url(owners[0]), 303)
    wallets = {
        wallet.owner: wallet for wallet in session.scalars(select(Wallet).where(Wallet.owner.in_(owners)))
    }
    return desk.render("customers.html", text=text, owners=owners, wallets=wallets, names=desk.names(owners))


def newest(session: Session) -> list[str]:
    return list(session.scalars(select(Wallet.owner).order_by(Wallet.id.desc()).limit(MOST_FOUND)))


def find(session: Session, text: str) -> list[str]:
    """The owners that ``text`` is about."""
    exact = [
        session.scalar(select(Wallet.owner).where(Wallet.owner == text)),
        session.scalar(select(Customer.owner).where(Customer.stripe_id == text)),
        session.scalar(select(Subscription.owner).where(Subscription.stripe_id == text)),
        of_payment(session, text),
    ]
    called = islice(page.extension().desk.find(text), MOST_FOUND)
    return list(dict.fromkeys([*(owner for owner in exact if owner), *called]))


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
    """Wallet, lots, entries, payments, cards and plan of one customer."""
    desk.operator()
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
        customer_id=known_customer(session, owner),
        cards=cards.saved(session, owner),
        default=cards.default_card(session, owner),
        topup=topups.setting(session, owner),
        plans=plans_of(session, owner),
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


def payment(payment_id: int) -> ResponseReturnValue:
    """One payment, what went back of it, and the form to send back more."""
    who = desk.operator()
    session = page.extension().session
    found = of_number(session, payment_id)
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
        may_refund=who.may(Right.REFUND),
    )


def of_number(session: Session, payment_id: int) -> Payment:
    found = session.get(Payment, payment_id) if payment_id < 2**63 else None
    if found is None:
        raise NotYours("There is no such payment.")
    return found
