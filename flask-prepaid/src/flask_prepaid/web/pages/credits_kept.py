"""How many of the credits that payments brought were not taken back with the money."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, aliased

from prepaid_ledger.tables import Entry, Kind, Wallet

from ...payments.models import Payment
from ...subscriptions.invoices import plan_lots
from ...subscriptions.models import Invoice, PlanMonth
from .. import causes, page

LOT, CLAW, UNDONE = aliased(Entry), aliased(Entry), aliased(Entry)


@dataclass(frozen=True)
class KeptCredits:
    """So many credits came by now, ``kept`` of them without those that went back with the money."""

    came: int
    kept: int


def of_each(payments: Sequence[Payment]) -> dict[int, KeptCredits]:
    """The credits of each of these payments of one owner, by the payment's id."""
    session = page.context().session
    ids = [payment.id for payment in payments]
    rows = session.execute(select(Invoice.id, Invoice.payment_id).where(Invoice.payment_id.in_(ids)))
    billed = {invoice_id: payment_id for invoice_id, payment_id in rows if payment_id is not None}
    taken = _taken_of_each(session, payments, billed)
    came = Counter({payment.id: payment.credits for payment in payments})
    for invoice_id, credits in plan_lots.to_come_of_each(session, list(billed)).items():
        came[billed[invoice_id]] -= credits
    return {number: KeptCredits(came[number], max(came[number] - taken[number], 0)) for number in ids}


def of_invoice(invoice: Invoice) -> KeptCredits:
    """The credits of a plan's invoice that no payment of ours stands for."""
    came = plan_lots.given_by_now(page.context().session, invoice)
    return KeptCredits(came, came)


def _taken_of_each(session: Session, payments: Sequence[Payment], billed: dict[int, int]) -> Counter[int]:
    """The credits that went back with their money, by the payment's id.

    :param billed: The payment of each invoice, by the invoice's id.
    """
    of_lot = {f"payment:{payment.id}": payment.id for payment in payments}
    of_lot |= {plan_lots.key_of(bill_id, plan_lots.OWN): billed[bill_id] for bill_id in billed}
    months = select(PlanMonth.invoice_id, PlanMonth.number).where(PlanMonth.invoice_id.in_(billed))
    for invoice_id, number in session.execute(months.where(PlanMonth.given > 0)):
        of_lot[plan_lots.key_of(invoice_id, number)] = billed[invoice_id]
    owned = select(Wallet.slot, Wallet.id).where(Wallet.owned_by(payments[0].owner)) if payments else None
    wallet = session.execute(owned).one_or_none() if owned is not None else None
    if wallet is None:
        return Counter()
    of_claw = UNDONE.same_wallet_as(CLAW) & (UNDONE.refers_to_seq == CLAW.seq)
    back = func.coalesce(UNDONE.debt - UNDONE.credits, 0)
    taken = (
        select(LOT.key, func.sum(CLAW.debt - CLAW.credits + back))
        .join(CLAW, CLAW.same_wallet_as(LOT) & (CLAW.refers_to_seq == LOT.seq))
        .outerjoin(UNDONE, of_claw & (UNDONE.kind == Kind.CLAWBACK))
        .where(LOT.of(wallet), LOT.key.in_(of_lot), CLAW.kind == Kind.CLAWBACK)
        .where(or_(*(CLAW.key.startswith(f"{word}:") for word in causes.TAKEN_BACK)))
        .group_by(LOT.key)
    )
    sums = Counter[int]()
    for key, credits in session.execute(taken):
        sums[of_lot[key]] += int(credits)
    return sums
