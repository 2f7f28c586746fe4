"""Customers: found by a mail, a name or an id; all of them with plan and spent, sorted, and as CSV."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice
from typing import Any

from flask import Response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from prepaid_ledger.tables import Wallet

from ....languages import units
from ....operations.models import InboxEvent
from ....payments import payments as payment_rows
from ....payments.customers.models import SavedCard
from ....payments.customers.owned import has_wallet
from ....payments.customers.rows import owner_of
from ....payments.models import Dispute, Payment, PaymentState, Refund
from ....subscriptions import plan_state
from ....subscriptions.models import ENDED, Invoice, PlanPrice, Subscription
from ... import forms
from .. import page

#: Customers on one page, and in a file.
MAX_FOUND = 50
MAX_LINES = 100_000

#: So many pages can be turned: further back a search finds.
MAX_PAGE = 2_000

#: So many letters of a name must be typed: fewer would find everybody.
MIN_NAME = 3

#: The digits by which people know their card.
LAST_FOUR = re.compile(r"[0-9]{4}")

#: How the list may be sorted, with the words for it; the first is the default.
SORTS = {"newest": "Newest", "spent": "Spent most", "balance": "Largest balance", "debt": "Largest debt"}

HEAD = (
    *("owner", "name", "balance", "debt", "plan", "plan_state", "plan_ends_at"),
    *("currency", "spent_minor", "since"),
)


def search() -> ResponseReturnValue:
    """By mail, name, owner, Stripe's ids, a payment's number, or the last four digits of a card."""
    page.operator()
    session = page.context().session
    text = forms.line(request.args, "q")
    if text.startswith("evt_") and session.get(InboxEvent, text) is not None:
        return redirect(url_for("prepaid.operator_inbox", q=text, show="all"), 303)
    owners = find(session, text) if text else None
    if owners is not None and len(owners) == 1:
        return redirect(page.customer_url(owners[0]), 303)
    sort, number = chosen_sort(), page_number()
    wanted = rows_of(sort, owners).offset((number - 1) * MAX_FOUND).limit(MAX_FOUND + 1)
    rows = session.execute(wanted).all()
    return page.render(
        "customers.html",
        text=text,
        rows=rows[:MAX_FOUND],
        currency=page.context().catalog.currency,
        labels=page.labels(row.owner for row in rows[:MAX_FOUND]),
        sort=sort,
        sorts=SORTS,
        number=number,
        max_found=MAX_FOUND,
        more=len(rows) > MAX_FOUND,
    )


def as_csv() -> Response:
    """All customers, or those that a search finds, sorted as on the page."""
    page.operator()
    context = page.context()
    text = forms.line(request.args, "q")
    owners = find(context.session, text) if text else None
    rows = context.session.execute(rows_of(chosen_sort(), owners).limit(MAX_LINES)).all()
    labels = page.labels(row.owner for row in rows)
    currency = context.catalog.currency
    return page.as_csv(
        "customers",
        HEAD,
        [
            (
                *(row.owner, labels[row.owner], units.plain(row.balance), units.plain(row.debt)),
                *(row.plan or "", *state_cells(row)),
                *(currency, row.spent or 0, row.since.isoformat(timespec="seconds")),
            )
            for row in rows
        ],
    )


def state_cells(row: Any) -> tuple[str, str]:
    """Where a plan stands, in the page's word, and when it ends if that is known."""
    is_ending = row.state is not None and plan_state.is_ending(page.context(), row.state, row.cancel_at)
    ends_at = row.cancel_at.isoformat(timespec="seconds") if is_ending else ""
    return "ends" if is_ending else row.state or "", ends_at


def chosen_sort() -> str:
    sort = request.args.get("sort", "")
    return sort if sort in SORTS else next(iter(SORTS))


def page_number() -> int:
    number = forms.row_id(request.args.get("page", "")) or 1
    return min(number, MAX_PAGE)


def rows_of(sort: str, owners: Sequence[str] | None) -> Select[Any]:
    """A line for each customer, or each of ``owners``: wallet, plan, and what was paid less what went back.

    What was spent is in the currency of the price list, in its smallest unit.
    """
    paid = (
        select(Payment.owner, func.sum(Payment.paid_minor - Payment.refunded_minor).label("spent"))
        .where(Payment.state == PaymentState.PAID, Payment.currency == page.context().catalog.currency)
        .group_by(Payment.owner)
    )
    plan = (
        select(Subscription.owner, Subscription.state, Subscription.cancel_at, PlanPrice.title)
        .join(PlanPrice, PlanPrice.id == Subscription.price_id)
        .where(Subscription.state.not_in(ENDED), Subscription.stripe_id.is_not(None))
    )
    if owners is not None:
        paid, plan = paid.where(Payment.owner.in_(owners)), plan.where(Subscription.owner.in_(owners))
    spent, plans = paid.subquery(), plan.subquery()
    rows = (
        select(
            Wallet.owner,
            Wallet.balance,
            Wallet.debt,
            Wallet.created_at.label("since"),
            plans.c.title.label("plan"),
            plans.c.state,
            plans.c.cancel_at,
            spent.c.spent,
        )
        .outerjoin(spent, spent.c.owner == Wallet.owner)
        .outerjoin(plans, plans.c.owner == Wallet.owner)
    )
    if owners is not None:
        rows = rows.where(Wallet.owner.in_(owners))
    first: dict[str, ColumnElement[Any]] = {
        "spent": func.coalesce(spent.c.spent, 0).desc(),
        "balance": Wallet.balance.desc(),
        "debt": Wallet.debt.desc(),
    }
    order = [first[sort]] if sort in first else []
    return rows.order_by(*order, Wallet.id.desc())


def find(session: Session, text: str) -> list[str]:
    """The owners that ``text`` is about."""
    exact = [
        text if has_wallet(session, text) else None,
        owner_of(session, text),
        session.scalar(select(Subscription.owner).where(Subscription.stripe_id == text)),
        session.scalar(
            select(Subscription.owner)
            .join(Invoice, Invoice.subscription_id == Subscription.id)
            .where(Invoice.stripe_id == text)
        ),
        of_payment(session, text),
    ]
    of_host = islice(page.context().operators.find(text), MAX_FOUND)
    owners = [*(owner for owner in exact if owner), *of_host, *of_card(session, text)]
    return list(dict.fromkeys(owners))[:MAX_FOUND]


def of_card(session: Session, text: str) -> Sequence[str]:
    """Who has a card on file that ends with these four digits, or with a name that has ``text`` in it."""
    if LAST_FOUR.fullmatch(text):
        matches = SavedCard.last4 == text
    elif len(text) >= MIN_NAME:
        matches = func.lower(SavedCard.name).contains(text.lower(), autoescape=True)
    else:
        return ()
    return session.scalars(select(SavedCard.owner).where(matches).distinct().limit(MAX_FOUND)).all()


def of_payment(session: Session, text: str) -> str | None:
    """Whose payment a Stripe id, or a payment's own number, names."""
    number = forms.row_id(text)
    if text.startswith("re_"):
        number = session.scalar(select(Refund.payment_id).where(Refund.stripe_id == text))
    elif text.startswith(("dp_", "du_")):
        number = session.scalar(select(Dispute.payment_id).where(Dispute.id == text))
    payment = session.get(Payment, number) if number else payment_rows.find(session, stripe_id=text)
    return payment.owner if payment else None
