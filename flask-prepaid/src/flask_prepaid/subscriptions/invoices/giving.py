"""Give what a plan's paid invoice bought: now, in months to come, or once for all."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress

from sqlalchemy import select

from prepaid_ledger.errors import KeyReused

from ... import signals
from ...context import Context
from ...gateway.billing.invoice_values import StripeInvoice
from ...gateway.values import moment
from ...languages.words import marked
from ...payments.models import Payment
from ..models import Invoice, PlanPrice, Subscription
from . import plan_months
from .plan_lots import OWN, key_of, keys_before
from .worth import Worth, whole_period


def give(
    context: Context,
    subscription: Subscription,
    row: Invoice,
    bill: StripeInvoice,
    due: Worth,
    payment: Payment,
) -> None:
    """Give what an invoice gives, at once and month by month. Of its money each part pays its own credits."""
    amount_minor = payment.amount_minor
    if months := due.later:
        own = max(due.credits, 0)
        amount_minor = plan_months.write_down(context, row, months, own, amount_minor)
        plan_months.give_begun(context, subscription.id)  # before what is over is given beside them
    if due.credits > 0:
        _give_now(context, subscription, row, bill, due, amount_minor)
        signals.after_commit(
            context.session,
            signals.credits_added,
            owner=subscription.owner,
            credits=due.credits,
            payment_id=payment.id,
        )


def _give_now(
    context: Context,
    subscription: Subscription,
    row: Invoice,
    bill: StripeInvoice,
    due: Worth,
    amount_minor: int,
) -> None:
    key = key_of(row.id, OWN)
    tax_minor = plan_months.tax_in(context.session, row, amount_minor)
    grace, ends, now = context.config.allowance_grace, moment(due.ends), context.clock()
    if due.replaces and ends > now and not _overtaken(context, row):
        context.ledger.allowance(
            subscription.owner,
            due.credits,
            key=key,
            period_end=ends,
            amount_minor=amount_minor,
            tax_minor=tax_minor,
            currency=bill.currency,
            grace=grace,
            roll_over=due.roll_over,
            replacing=_keys_before(context, row),
        )
    else:
        # Beside what is there: the rest of a period, or one that was paid when it was over.
        lasts = ends if whole_period(bill.lines) is None else ends + grace
        row.late = ends <= now
        context.ledger.add_to_allowance(
            subscription.owner,
            due.credits,
            key=key,
            period_end=max(lasts, now + grace) if lasts <= now else lasts,
            amount_minor=amount_minor,
            tax_minor=tax_minor,
            currency=bill.currency,
        )


def give_once(
    context: Context,
    subscription: Subscription,
    row: Invoice,
    bill: StripeInvoice,
    prices: Mapping[str, PlanPrice],
) -> None:
    """Give what a plan gives once, at its owner's first payment of a whole period that costs something.

    A trial pays nothing, the rest of a period may cost some cents, and whoever ends the plan and begins it
    anew has had them.
    """
    whole = [line for line in bill.lines if line.is_of_plan and not line.is_part and line.price_id in prices]
    if not whole or bill.total_minor <= bill.credited_minor:
        return
    line = whole[-1]
    price = prices[line.price_id or ""]
    credits, key = price.once * line.quantity, _once_key(price.plan)
    if not credits:
        return
    if context.ledger.entries(subscription.owner, 1, keys={key}):
        return
    with suppress(KeyReused):  # by an earlier plan of the same name that was paid in this moment
        context.ledger.grant(subscription.owner, credits, key=key, reason=marked("Once with your plan"))
        row.once, row.once_key = credits, key


def had_once(context: Context, owner: str, plans: Collection[str]) -> set[str]:
    """Those of the plans that give their owner nothing once any more, though a refund took it back."""
    keys = {_once_key(plan): plan for plan in plans}
    if not keys:
        return set()
    return {keys[entry.key] for entry in context.ledger.entries(owner, len(keys), keys=set(keys))}


def _once_key(plan: str) -> str:
    return f"once:{plan}"


def _keys_before(context: Context, row: Invoice) -> set[str]:
    """The keys of all that this subscription gave until the invoice's period began."""
    assert row.period_start is not None, "what takes the last period's place is a whole one"
    return keys_before(context.session, row.subscription_id, row.period_start)


def _overtaken(context: Context, row: Invoice) -> bool:
    """Whether a later period was paid before this one."""
    later = select(Invoice.id).where(
        Invoice.subscription_id == row.subscription_id,
        Invoice.period_start > row.period_start,
        Invoice.given > 0,
    )
    return context.session.scalar(later.limit(1)) is not None
