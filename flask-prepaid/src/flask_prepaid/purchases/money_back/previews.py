"""What a refund would take, before it is asked for: all of it is written, counted, and rolled back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from prepaid_ledger.tables import Entry

from ...context import Context, transaction
from ...payments import payments
from ...payments.models import Payment, Refund, RefundState
from .taking_back import take_back
from .twice import balance_money


class Taken(NamedTuple):
    """How many credits a refund takes: from the balance, and as a debt where the balance has too few.

    ``of_others`` is a part of that sum: credits of other payments, for which this payment's money has paid a
    second time. The next ``tick`` takes them.
    """

    credits: int
    debt: int
    of_others: int


class _Counted(Exception):
    """Ends the transaction that only counts, so that nothing of it is kept."""


def would_take(context: Context, payment: Payment, amount_minor: int) -> Taken:
    """What a refund of ``amount_minor`` would take now, whatever went back before.

    Ends the session's transaction.
    """
    try:
        with transaction(context) as session:
            balance_money.take_turn(session, payment.owner)
            payments.lock(session, payment)
            balance_money.bring_up_to_date(context, payment.owner)  # what went back before is no part of it
            refund = _refund(context, payment, amount_minor)
            own = take_back(context, payment, refund, refund.idempotency_key, amount_minor, "")
            others = balance_money.bring_up_to_date(context, payment.owner)
            taken = Taken(_credits(own + others), _debt(own + others), _credits(others) + _debt(others))
            raise _Counted
    except _Counted:
        return taken


def _refund(context: Context, payment: Payment, amount_minor: int) -> Refund:
    refund = Refund(
        payment_id=payment.id,
        payment_intent_id=payment.payment_intent_id,
        amount_minor=amount_minor,
        state=RefundState.REQUESTED,
        idempotency_key=f"payment:{payment.id}:counted",
        created_at=context.clock(),
        taken_minor=0,
        taken_once=0,
        takes=0,
    )
    context.session.add(refund)
    context.session.flush()
    return refund


def _credits(entries: Iterable[Entry]) -> int:
    return -sum(entry.credits for entry in entries)


def _debt(entries: Iterable[Entry]) -> int:
    return sum(entry.debt for entry in entries)
