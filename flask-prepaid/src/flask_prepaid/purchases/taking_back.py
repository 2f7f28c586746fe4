"""What a refund, a dispute or a credit note takes of the credits that its money bought, as it stands now."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from prepaid_ledger.tables import Entry

from .. import signals
from ..context import Context
from ..payments.models import Dispute, Payment, TakesBack, Via
from ..subscriptions.models import Invoice
from . import topup_rules, topups


def take_back(
    context: Context, payment: Payment, row: TakesBack, name: str, amount_minor: int, reason: str
) -> None:
    """Take the credits that ``amount_minor`` bought: so much has gone back by now, 0 if nothing has.

    Stripe may change the amount and end it, and begin it again: what was taken for it before is undone first.
    The caller holds the payment's lock.

    :param row: What took the money, and ``name`` its name in the ledger's keys, such as ``dispute:dp_1``.
    """
    before = row.taken_minor
    if amount_minor == before:
        return
    entries: list[Entry] = []
    if before:
        key = _key(name, row.takes)
        entries.append(
            context.ledger.restore(payment.owner, claw_key=key, key=f"undone:{key}", reason=reason)
        )
    if amount_minor:
        row.takes += 1
        entries.append(
            context.ledger.claw_back(
                payment.owner,
                lot_key=_lot_key(context.session, payment),
                key=_key(name, row.takes),
                refunded_minor=amount_minor,
                reason=reason,
            )
        )
    row.taken_minor = amount_minor
    context.session.flush()
    if amount_minor > before:
        why = topup_rules.DISPUTED if isinstance(row, Dispute) else topup_rules.REFUNDED
        topups.stop_after(context, payment, why)
        signals.after_commit(
            context.session,
            signals.clawed_back,
            owner=payment.owner,
            payment_id=payment.id,
            credits=-sum(entry.credits for entry in entries),
            debt=sum(entry.debt for entry in entries),
        )


def _key(name: str, takes: int) -> str:
    return name if takes == 1 else f"{name}:{takes}"


def _lot_key(session: Session, payment: Payment) -> str:
    """The key under which the payment's credits came in: its own, or that of the plan's invoice."""
    if payment.via is not Via.PLAN:
        return f"payment:{payment.id}"
    invoice_id = session.scalars(select(Invoice.id).where(Invoice.payment_id == payment.id)).one()
    return f"invoice:{invoice_id}"
