"""The audit's rules on what stands beside the ledger: payments, plans, and money at Stripe.

| | what holds |
|---|---|
| I2 | each payment that is paid has exactly one purchase, or a plan's one allowance, of its credits |
| I3 | no purchase without a payment: the payment that its key names is paid |
| I11 | the sums that reports read are those of the movements at Stripe and of the entries; each movement's \
        amount less its fee is its net; what a payment brought moved |
| I15 | each claim of a code has its grant, and so has its referrer; a code counts its claims |
| I17 | what a plan gives month by month has come, each month under its key, with what was not cut of it |

I1, I4 to I10, I14 and I16 are the ledger's own, in ``prepaid_ledger/audit/audit.py``. I18 is that of
``elsewhere/marks.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Connection, Select, String, and_, case, cast, func, literal, select

from prepaid_ledger import Problem
from prepaid_ledger.tables import Entry, Kind, Wallet

from .. import money
from ..codes.models import Code, CodeClaim
from ..languages import units
from ..payments.models import PartCharge, Payment, PaymentState, Via
from ..reports.models import Movement
from ..reports.sums.audit_rules import (
    nets_of_movements,
    sums_of_deferred,
    sums_of_entries,
    sums_of_movements,
    sums_of_owners,
)
from ..subscriptions.models import Invoice, PlanMonth, Subscription


def problems(connection: Connection) -> Iterator[Problem]:
    """What is off between payments, plans, money at Stripe and the ledger.

    Each rule keeps its statement: of small books it takes longer to make than to answer.
    """
    yield from _payments_without_credits(connection)
    yield from _purchases_without_payment(connection)
    yield from sums_of_movements(connection)
    yield from sums_of_owners(connection)
    yield from nets_of_movements(connection)
    yield from sums_of_entries(connection)
    yield from sums_of_deferred(connection)
    yield from _payments_that_moved_otherwise(connection)
    yield from _months_without_credits(connection)
    yield from _claims_without_grant(connection)
    yield from _codes_that_miscount(connection)


def _payments_without_credits(connection: Connection) -> Iterator[Problem]:
    for payment_id, owner, credits in connection.execute(_unbought()):
        yield Problem(
            "I2", owner, f"payment {payment_id} is paid, and has not brought its {units.credits(credits)}"
        )


@cache
def _unbought() -> Select[*tuple[Any, ...]]:
    by_purchase = and_(
        Entry.key == literal("payment:") + cast(Payment.id, String), Entry.kind == Kind.PURCHASE
    )
    by_plan = and_(Entry.key == literal("invoice:") + cast(Invoice.id, String), Entry.kind == Kind.ALLOWANCE)
    later = (
        select(func.coalesce(func.sum(PlanMonth.credits), 0))
        .where(PlanMonth.invoice_id == Invoice.id)
        .scalar_subquery()
    )
    brought = and_(
        Entry.of(Wallet),
        Entry.credits == Payment.credits - later,
        case((Payment.via == Via.PLAN, by_plan), else_=by_purchase),
    )
    return (
        select(Payment.id, Payment.owner, Payment.credits)
        .outerjoin(Wallet, Wallet.owner == Payment.owner)
        .outerjoin(Invoice, Invoice.payment_id == Payment.id)
        .outerjoin(Entry, brought)
        .where(Payment.state == PaymentState.PAID, Payment.credits > later, Entry.seq.is_(None))
    )


def _months_without_credits(connection: Connection) -> Iterator[Problem]:
    for invoice_id, number, owner in connection.execute(_ungiven()):
        yield Problem(
            "I17", owner, f"month {number} of invoice {invoice_id} is given, and is not in the wallet"
        )


@cache
def _ungiven() -> Select[*tuple[Any, ...]]:
    key = (
        literal("invoice:") + cast(PlanMonth.invoice_id, String) + ":month:" + cast(PlanMonth.number, String)
    )
    brought = and_(
        Entry.of(Wallet),
        Entry.key == key,
        Entry.kind == Kind.ALLOWANCE,
        Entry.credits == PlanMonth.credits - PlanMonth.cut,
        Entry.credits == PlanMonth.given,
    )
    return (
        select(PlanMonth.invoice_id, PlanMonth.number, Subscription.owner)
        .join(Subscription, Subscription.id == PlanMonth.subscription_id)
        .outerjoin(Wallet, Wallet.owner == Subscription.owner)
        .outerjoin(Entry, brought)
        .where(PlanMonth.given > 0, Entry.seq.is_(None))
    )


def _purchases_without_payment(connection: Connection) -> Iterator[Problem]:
    for owner, key, credits in connection.execute(_unpaid()):
        yield Problem(
            "I3",
            owner,
            f"{key!r} brought {units.credits(credits)}, and there is no such payment that is paid",
        )


@cache
def _unpaid() -> Select[*tuple[Any, ...]]:
    digits = cast(func.substr(Entry.key, len("payment:") + 1), BigInteger)
    number = case((Entry.key.regexp_match("^payment:[0-9]{1,18}$"), digits))
    paid = and_(Payment.id == number, Payment.owner == Wallet.owner, Payment.state == PaymentState.PAID)
    return (
        select(Wallet.owner, Entry.key, Entry.credits)
        .join(Wallet, Entry.of(Wallet))
        .outerjoin(Payment, paid)
        .where(Entry.kind == Kind.PURCHASE, Entry.key.startswith("payment:"), Payment.id.is_(None))
    )


def _payments_that_moved_otherwise(connection: Connection) -> Iterator[Problem]:
    """An account that settles in another currency than it charges in is not compared."""
    for payment_id, owner, charged, moved, currency in connection.execute(_otherwise()):
        yield Problem(
            "I11",
            owner,
            f"payment {payment_id} was charged with {money.show(charged, currency)}; at Stripe "
            f"{money.show(moved, currency)} came in",
        )


@cache
def _otherwise() -> Select[*tuple[Any, ...]]:
    charged_minor = func.coalesce(PartCharge.charged_minor, Payment.charged_minor)
    return (
        select(Payment.id, Payment.owner, charged_minor, Movement.amount_minor, Payment.currency)
        .join(Movement, Movement.payment_id == Payment.id)
        .outerjoin(PartCharge, PartCharge.payment_intent_id == Movement.intent_id)
        .where(
            Movement.category == "charge",
            Movement.currency == Payment.currency,
            Payment.state == PaymentState.PAID,
            Movement.amount_minor != charged_minor,
        )
    )


def _claims_without_grant(connection: Connection) -> Iterator[Problem]:
    for head, missing in _ungranted().items():
        for claim_id, whose, due, code in connection.execute(missing):
            yield Problem(
                "I15", whose, f"{head}{claim_id} of {code} has not brought its {units.credits(due)}"
            )


@cache
def _ungranted() -> dict[str, Select[*tuple[Any, ...]]]:
    """By the head of the grants' keys: of those who claimed, and of those who sent them."""
    owners = (
        ("code:", CodeClaim.owner, CodeClaim.credits, literal(True)),
        ("referral:", Code.referrer, CodeClaim.referrer_credits, CodeClaim.referrer_credits > 0),
    )
    missing = {}
    for head, owner, credits, is_due in owners:
        key = literal(head) + cast(CodeClaim.id, String)
        granted = and_(Entry.of(Wallet), Entry.key == key, Entry.kind == Kind.GRANT, Entry.credits == credits)
        missing[head] = (
            select(CodeClaim.id, owner, credits, Code.code)
            .join(Code, Code.id == CodeClaim.code_id)
            .outerjoin(Wallet, Wallet.owner == owner)
            .outerjoin(Entry, granted)
            .where(is_due, Entry.seq.is_(None))
        )
    return missing


def _codes_that_miscount(connection: Connection) -> Iterator[Problem]:
    claims = select(func.count()).where(CodeClaim.code_id == Code.id).scalar_subquery()
    wrong = select(Code.code, Code.claims, claims, Code.referrer).where(Code.claims != claims)
    for code, counted, there, referrer in connection.execute(wrong):
        yield Problem("I15", referrer, f"the code {code} counts {counted} claims, and there are {there}")
