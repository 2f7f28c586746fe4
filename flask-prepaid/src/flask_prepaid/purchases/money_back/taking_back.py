"""What a refund, a dispute or a credit note takes of the credits that its money bought, as it stands now."""

from __future__ import annotations

from fractions import Fraction
from math import ceil

from sqlalchemy import select
from sqlalchemy.orm import Session

from prepaid_ledger.tables import Entry

from ... import signals
from ...context import Context
from ...payments import earlier_money
from ...payments.models import (
    BalancePaid,
    CarriedOver,
    Dispute,
    EarlierMoney,
    Payment,
    Refund,
    TakesBack,
    Via,
)
from ...subscriptions.invoices import month_refunds, plan_lots
from ...subscriptions.models import Invoice
from .. import stop_reasons
from ..auto_topup import topups
from .models import CreditNote


def take_back(
    context: Context, payment: Payment, row: TakesBack, name: str, amount_minor: int, reason: str
) -> list[Entry]:
    """Take the credits that ``amount_minor`` bought: so much has gone back by now, 0 if nothing has.

    Stripe may change the amount and end it, and begin it again: what was taken for it before is undone first.
    The caller holds the payment's lock.

    :param row: What took the money, and ``name`` its name in the ledger's keys, such as ``dispute:dp_1``.
    :return: What it has written: what was given again, and what was taken.
    """
    before = row.taken_minor
    entries: list[Entry] = []
    if amount_minor == before:
        return entries
    if before:
        entries += _restore(context, payment, row, _key(name, row.takes), reason)
    if amount_minor:
        key = _key(name, row.takes + 1)
        entries += _claw_back(context, payment, row, key, amount_minor, reason)
        row.takes += 1  # only now: everybody locks the wallet before such a row
    row.taken_minor = amount_minor
    context.session.flush()
    if not isinstance(row, EarlierMoney):
        earlier_money.look_again(context.session, payment.owner)
    if amount_minor > before:
        why = stop_reasons.DISPUTED if isinstance(row, Dispute) else stop_reasons.REFUNDED
        topups.stop_after(context, payment, why)
        _announce(context, payment, entries)
    return entries


def has_taken(context: Context, payment: Payment, row: TakesBack, name: str) -> bool:
    """Whether credits are gone by what took the money, or those of a month to come are.

    They are not where a refund of the same money has taken them before.
    """
    key, invoice = _key(name, row.takes), _invoice(context.session, payment)
    later = month_refunds.later_keys(context.session, invoice.id, key) if invoice is not None else set[str]()
    keys = {key, f"{key}:once", *later}
    written = context.ledger.entries(payment.owner, len(keys), keys=keys)
    is_to_come = bool(later - {entry.key for entry in written})
    return is_to_come or any(entry.credits or entry.debt for entry in written)


def _announce(context: Context, payment: Payment, entries: list[Entry]) -> None:
    """Tell the host what was taken: of money that bought no credits, as for a dearer plan, nothing is."""
    credits, debt = -sum(entry.credits for entry in entries), sum(entry.debt for entry in entries)
    if credits or debt:
        taken = {"owner": payment.owner, "payment_id": payment.id, "credits": credits, "debt": debt}
        signals.after_commit(context.session, signals.clawed_back, **taken)


def _key(name: str, takes: int) -> str:
    return name if takes == 1 else f"{name}:{takes}"


def _claw_back(
    context: Context, payment: Payment, row: TakesBack, key: str, amount_minor: int, reason: str
) -> list[Entry]:
    """Take the credits that ``amount_minor`` of a payment bought; those of later months first."""
    if not payment.credits:
        return []
    invoice, entries = _invoice(context.session, payment), list[Entry]()
    if _has_credits(row):
        entries += _claw_back_bought(context, payment, invoice, row, key, amount_minor, reason)
    if invoice is not None and invoice.once_key is not None:
        once = _part_of_once(context.session, payment, invoice, row, amount_minor)
        if once:
            entries.append(
                context.ledger.claw_back(
                    payment.owner, lot_key=invoice.once_key, key=f"{key}:once", credits=once, reason=reason
                )
            )
        row.taken_once = once
    return entries


def _claw_back_bought(
    context: Context,
    payment: Payment,
    invoice: Invoice | None,
    row: TakesBack,
    key: str,
    amount_minor: int,
    reason: str,
) -> list[Entry]:
    """Take of what the payment itself brought, without what its plan gave once."""
    credits = _carried(row, amount_minor) if isinstance(row, CarriedOver) else None
    if invoice is not None and month_refunds.has_months(context.session, invoice.id):
        return month_refunds.take_back(
            context, payment, invoice, key, amount_minor, reason, credits=credits or 0
        )
    return [
        context.ledger.claw_back(
            payment.owner,
            lot_key=f"payment:{payment.id}" if invoice is None else f"invoice:{invoice.id}",
            key=key,
            refunded_minor=amount_minor if credits is None else None,
            credits=credits,
            reason=reason,
        )
    ]


def _has_credits(row: TakesBack) -> bool:
    """Whether what it is about has bought any: money that was carried over may have bought none."""
    return not isinstance(row, CarriedOver) or row.credits > 0


def _carried(row: CarriedOver, amount_minor: int) -> int:
    """The credits that ``amount_minor`` of what was carried over has paid for, rounded up."""
    return -(-row.credits * amount_minor // row.amount_minor)


def _part_of_once(
    session: Session, payment: Payment, invoice: Invoice, row: TakesBack, amount_minor: int
) -> int:
    """How many of the credits given once go back with ``amount_minor``.

    All money that has gone back is rounded up together: many small refunds take no more than one large one.
    What was carried over has paid for its share of them. Each says what it takes by itself, and the ledger
    that no more go than came: where another one is undone, what this one takes is still gone.
    """
    carried = session.get(CarriedOver, payment.id)
    whole_minor = payment.amount_minor + (carried.amount_minor if carried is not None else 0)
    others: list[TakesBack] = [] if carried is None else [carried]
    for table in (Refund, Dispute, CreditNote, BalancePaid):
        others += session.scalars(select(table).where(table.payment_id == payment.id))
    others = [other for other in others if other is not row]
    gone = Fraction(amount_minor, whole_minor if row is carried else payment.amount_minor)
    for other in others:
        gone += Fraction(other.taken_minor, whole_minor if other is carried else payment.amount_minor)
    due = ceil(invoice.once * gone)
    return min(max(due - sum(other.taken_once for other in others), 0), invoice.once)


def _restore(context: Context, payment: Payment, row: TakesBack, key: str, reason: str) -> list[Entry]:
    """Give again what ``_claw_back`` has taken under this key."""
    if not payment.credits:
        return []
    entries = _restore_bought(context, payment, key, reason) if _has_credits(row) else []
    if row.taken_once:
        once = f"{key}:once"
        entries.append(
            context.ledger.restore(payment.owner, claw_key=once, key=f"undone:{once}", reason=reason)
        )
    row.taken_once = 0
    return entries


def _restore_bought(context: Context, payment: Payment, key: str, reason: str) -> list[Entry]:
    invoice = _invoice(context.session, payment)
    if invoice is not None and month_refunds.has_months(context.session, invoice.id):
        return month_refunds.restore(context, payment, invoice, key, reason)
    ends = None if invoice is None else plan_lots.period_end(context.session, invoice)
    return [
        context.ledger.restore(
            payment.owner, claw_key=key, key=f"undone:{key}", reason=reason, period_end=ends
        )
    ]


def _invoice(session: Session, payment: Payment) -> Invoice | None:
    """The plan's invoice that a payment has paid; ``None`` where it bought a pack."""
    if payment.via is not Via.PLAN:
        return None
    return session.scalars(select(Invoice).where(Invoice.payment_id == payment.id)).one()
