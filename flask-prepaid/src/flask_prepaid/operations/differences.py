"""What differs between Stripe and the books, walked in both directions, and what mends each.

Stripe's objects are walked, not its events: some events are never made.
https://docs.stripe.com/webhooks/handle-irrecoverable-events
"""

from __future__ import annotations

import logging
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import select

from .. import money
from ..context import Context, Write, write_now
from ..errors import GatewayRefused
from ..gateway.money_back.money_back_values import StripeCreditNote, StripeDispute, StripeRefund
from ..gateway.values import Intent
from ..languages import units
from ..payments import part_charges, payments
from ..payments.customers import billing_details, contact, rows
from ..payments.customers.models import Customer
from ..payments.dispute_states import DisputeState
from ..payments.models import Dispute, Payment, PaymentState, Refund, RefundState, Via
from ..payments.outcome import transitions, wrong_charges
from ..purchases import payment_checks, settling
from ..purchases.money_back import credit_notes, refund_sync, refunds, unnamed_charges
from ..purchases.money_back.disputes import dispute_sync, disputes, warning_sync
from ..purchases.money_back.models import CreditNote, FraudWarning
from ..reports import sales
from ..reports.balance import copying
from ..subscriptions import compare, sync

log = logging.getLogger(__name__)

#: How often balances are compared before they count as different.
COMPARISONS = 3


@dataclass(frozen=True)
class Drift:
    """One thing that differs.

    ===========  ==========================================================================
    missed       Stripe has the money, the books have not given what it paid for
    unpaid       the books gave credits, Stripe does not have the money
    doubled      one payment of ours was paid more than once at Stripe: refund the one that is named, which
                 takes no credits; or a customer has a second plan there
    drifted      a refund, dispute, credit note or fraud warning stands otherwise at Stripe than in the books
    outdated     Stripe writes to another address of a customer than the host does, or in another language, or
                 bills them otherwise than our copy says
    unresolved   nobody knows yet what came of a payment, or of a refund
    unbalanced   Stripe's balance in a currency is not the sum of all that moved it
    ===========  ==========================================================================
    """

    kind: str
    id: str
    payment: int | None
    detail: str

    def __str__(self) -> str:
        payment = "" if self.payment is None else f" (payment {self.payment})"
        return f"{self.kind} {self.id}{payment}: {self.detail}"


#: What mends a difference: asks Stripe once more, by the same functions as every event, and commits.
Mend = Callable[[], object]
Found = tuple[Drift, Mend | None]


class Walk:
    """One walk over Stripe's objects and over the books.

    :param since: Leave alone what was made before, by Stripe's time. ``None`` is everything.
    :param seen: Called for each object that was compared.
    """

    def __init__(self, context: Context, since: datetime | None, seen: Callable[[], None]) -> None:
        self._context = context
        self._since = since
        self._seen = seen
        #: Our payments that Stripe has the money of.
        self._paid: set[int] = set()

    def differences(self) -> Iterator[Found]:
        """Each difference, as it is met, and what mends it."""
        yield from self._payments_at_stripe()
        yield from self._plans()  # as the payments, before what went back of them
        yield from self._refunds()
        yield from self._disputes()
        yield from self._credit_notes()
        yield from self._warnings()
        yield from self._customers()
        yield from self._payments_here()
        yield from self._refunds_here()
        yield from self._balances()

    def _payments_at_stripe(self) -> Iterator[Found]:
        """Money at Stripe that the books have not given credits for, or have twice."""
        met: set[str] = set()
        for intent in self._context.gateway.charges.all(self._since):
            if intent.payment_key is None:
                yield from self._paid_once_more(intent)
                continue
            self._seen()
            met.add(intent.id)
            row = payments.find(self._context.session, key=intent.payment_key, stripe_id=intent.id)
            if row is not None and intent.is_paid:
                settle = partial(self._sync_now, settling.sync_intent, intent.id)
                yield from self._paid_at_stripe(row, intent, settle)
            elif intent.is_paid and not intent.is_all_back and (detail := self._lost(intent)):
                yield Drift("missed", intent.id, None, detail), None
        for page in self._context.gateway.checkout.all_of_ours(self._since):
            self._seen()
            row = payments.find(self._context.session, key=page.payment_key, stripe_id=page.id)
            if row is None or not page.is_paid or (page.intent is not None and page.intent.id in met):
                continue
            settle = partial(self._sync_now, settling.sync_checkout, page.id)
            if page.intent is not None:
                yield from self._paid_at_stripe(row, page.intent, settle)
            elif row.state is not PaymentState.PAID:
                yield Drift("missed", page.id, row.id, f"nothing was left to pay; it is {row.state}"), settle
            elif row.session_id == page.id:
                self._paid.add(row.id)

    def _lost(self, intent: Intent) -> str | None:
        """What to do about a payment that a restored database has lost; ``None`` once it was granted by hand.

        That grant has the charge's id as its key: nobody grants it twice.
        """
        owner = rows.owner_of(self._context.session, intent.customer_id)
        if owner is None and intent.customer_id is not None:
            owner = self._context.gateway.customers.fetch_owner(intent.customer_id)
        if owner is not None and self._context.ledger.entries(owner, 1, kind="grant", keys=[intent.id]):
            return None
        return (
            "it names a payment that is not in this database. Refund it, or give what it paid for: "
            f"flask prepaid grant {shlex.quote(owner or 'OWNER')} CREDITS --reason TEXT --key {intent.id}"
        )

    def _paid_at_stripe(self, row: Payment, intent: Intent, settle: Mend) -> Iterator[Found]:
        """What is off with a payment that Stripe has money for; what is right is added to ``_paid``."""
        if row.state is PaymentState.FAILED and intent.is_all_back:
            return  # an operator has refunded what was not as agreed
        if wrong_charges.covers(self._context.session, row, intent.id):
            return  # an operator has dealt with it otherwise
        if row.state is PaymentState.PAID and part_charges.is_of(self._context.session, row, intent.id):
            self._paid.add(row.id)
            return
        dispute = disputes.of_charges_at_bank(self._context.session, [intent.id]).get(intent.id)
        if row.state is not PaymentState.PAID:
            is_lost = dispute is not None and dispute.state == DisputeState.LOST
            if is_lost and row.state is not PaymentState.NEEDS_REVIEW:
                return  # nobody has the money here, and nobody waits for it
            paid = money.show(intent.received_minor, intent.currency)
            became = "was paid, and the customer's bank has it back" if dispute is not None else "is paid"
            yield Drift("missed", intent.id, row.id, f"{paid} {became}; here it is {row.state}"), settle
        elif dispute is None and intent.refunded_minor < intent.received_minor:
            brought = row.payment_intent_id or row.session_id
            detail = f"{brought} has brought the credits: refund {intent.id}"
            yield Drift("doubled", intent.id, row.id, detail), None

    def _paid_once_more(self, intent: Intent) -> Iterator[Found]:
        """A charge that names no payment of ours, and has paid an invoice that was paid before."""
        if not intent.is_paid or intent.is_all_back:
            return
        if disputes.of_charges_at_bank(self._context.session, [intent.id]):
            return
        row = unnamed_charges.payment_by_invoice(self._context, intent.id, intent.customer_id)
        if row is not None and row.state is PaymentState.PAID:
            detail = (
                f"invoice {row.invoice_id} was paid before: refund {intent.id}, unless Stripe has put it on "
                "the customer's balance"
            )
            yield Drift("doubled", intent.id, row.id, detail), None

    def _refunds(self) -> Iterator[Found]:
        for refund in self._context.gateway.refunds.all(self._since):
            self._seen()
            payment = settling.paid_by(self._context.session, refund.intent_id)
            row = self._context.session.scalar(select(Refund).where(Refund.stripe_id == refund.id))
            if payment is not None and (detail := _differs(payment, row, refund)):
                mend = partial(self._sync_now, refund_sync.sync_refund, refund.id)
                yield Drift("drifted", refund.id, payment.id, detail), mend

    def _disputes(self) -> Iterator[Found]:
        for dispute in self._context.gateway.disputes.all(self._since):
            self._seen()
            row = self._context.session.get(Dispute, dispute.id)
            named = dispute if row is not None else unnamed_charges.with_key(self._context, dispute)
            payment = dispute_sync.find_payment(self._context, named)
            if payment is not None and (detail := _differs(payment, row, dispute)):
                mend = partial(self._sync_now, dispute_sync.sync_dispute, dispute.id)
                yield Drift("drifted", dispute.id, payment.id, detail), mend

    def _credit_notes(self) -> Iterator[Found]:
        for note in self._context.gateway.credit_notes.all(self._since):
            self._seen()
            payment = credit_notes.payment_of(self._context.session, note)
            payment = payment or credit_notes.purchase_of(self._context, note)
            row = self._context.session.get(CreditNote, note.id)
            if payment is not None and note.amount_minor and (detail := _differs(payment, row, note)):
                mend = partial(self._sync_now, credit_notes.sync_credit_note, note.id)
                yield Drift("drifted", note.id, payment.id, detail), mend

    def _warnings(self) -> Iterator[Found]:
        """What banks suspect and we have not heard of, or what has been answered since."""
        try:
            warnings = list(self._context.gateway.fraud_warnings.all(self._since))
        except GatewayRefused as refused:  # a restricted key that may not read Radar
            log.warning("Early fraud warnings were not compared: %s", refused)
            return
        for warning in warnings:
            self._seen()
            row = self._context.session.get(FraudWarning, warning.id)
            if row is None:
                named = unnamed_charges.with_key(self._context, warning)
                payment = warning_sync.find_payment(self._context, named)
                payment_id = payment.id if payment is not None else None
            else:
                payment_id = None if row.actionable is warning.actionable else row.payment_id
            if payment_id is None:
                continue
            mend = partial(self._sync_now, warning_sync.sync, warning.id)
            what = "is not known here" if row is None else "has been answered"
            detail = f"a bank's warning {what}"
            yield Drift("drifted", warning.id, payment_id, detail), mend

    def _customers(self) -> Iterator[Found]:
        """Where Stripe writes to another address than the host, or bills somebody else than our pages say."""
        for customer, billed in self._context.gateway.customers.all(self._since):
            self._seen()
            if (changed := billing_details.differs(self._context.session, billed)) is not None:
                detail = f"Stripe bills {changed} by another name, address or tax id than is known here"
                fetch = partial(self._sync_now, billing_details.sync, customer.id)
                yield Drift("outdated", customer.id, None, detail), fetch
            known = select(Customer.owner).where(Customer.stripe_id == customer.id)
            owner = self._context.session.scalar(known)
            if owner is None:
                continue
            mend = partial(contact.sync, self._context, owner)
            if contact.is_outdated(self._context, owner, customer.email):
                detail = f"Stripe has another address of {owner} than you"
                yield Drift("outdated", customer.id, None, detail), mend
            elif contact.new_language(self._context, owner):
                detail = f"Stripe writes to {owner} in another language than you"
                yield Drift("outdated", customer.id, None, detail), mend

    def _payments_here(self) -> Iterator[Found]:
        """Credits that the books gave, and Stripe has no money for; and what nobody knows the end of."""
        states = Payment.state.in_((PaymentState.PAID, *transitions.UNRESOLVED))
        # What a plan's invoices brought in is compared invoice by invoice.
        ours = select(Payment).where(states, Payment.via != Via.PLAN).order_by(Payment.id)
        if self._since is not None:
            ours = ours.where(Payment.created_at >= self._since)
        for row in self._context.session.scalars(ours).all():
            self._seen()
            if row.state in transitions.UNRESOLVED:
                check = partial(payment_checks.check_with_stripe, self._context, row.id)
                yield Drift("unresolved", str(row.id), row.id, f"it is {row.state}"), check
            elif row.id not in self._paid and not self._is_paid(row):
                name = row.payment_intent_id or row.session_id or str(row.id)
                yield Drift("unpaid", name, row.id, f"{units.credits(row.credits)} came in for nothing"), None

    def _refunds_here(self) -> Iterator[Found]:
        """Refunds that were asked for here, and whose answer was lost."""
        lost = select(Refund).where(Refund.state == RefundState.REQUESTED)
        for row in self._context.session.scalars(lost).all():
            self._seen()
            check = partial(refunds.check_with_stripe, self._context, row.id)
            currency = self._context.session.get_one(Payment, row.payment_id).currency
            asked_for = money.show(row.amount_minor, currency)
            detail = f"{asked_for} was asked to go back; Stripe's answer was lost"
            yield Drift("unresolved", f"refund {row.id}", row.payment_id, detail), check

    def _plans(self) -> Iterator[Found]:
        of_plans = compare.differences(self._context, self._since, self._seen)
        for kind, stripe_id, payment_id, detail in of_plans:
            mend = None if kind in ("unpaid", "doubled") else partial(self._sync_now, sync.sync, stripe_id)
            yield Drift(kind, stripe_id, payment_id, detail), mend

    def _balances(self) -> Iterator[Found]:
        """Stripe's balance is the sum of all that ever moved it; so must our copy's be, payouts and all."""
        try:
            for _ in range(COMPARISONS):  # what moves between the two fetches makes them differ once
                copying.sync(self._context)
                theirs = self._context.gateway.account.fetch_balance()
                ours = sales.balances(self._context.session)
                if all(ours.get(currency, 0) == minor for currency, minor in theirs.items()):
                    return
        except GatewayRefused as refused:
            log.warning("Stripe's balance was not compared: %s", refused)
            return
        for currency, minor in theirs.items():
            if ours.get(currency, 0) != minor:
                copied = money.show(ours.get(currency, 0), currency)
                detail = f"it is {money.show(minor, currency)}; all that was copied adds up to {copied}"
                copy_anew = partial(copying.sync, self._context, anew=True)
                yield Drift("unbalanced", currency, None, detail), copy_anew

    def _is_paid(self, row: Payment) -> bool:
        """Whether Stripe has the money of a payment that the walk has not met, being older."""
        if row.invoice_id and not row.session_id:  # by a charge, the customer's balance, or outside of Stripe
            billed = self._context.gateway.invoice_charges.fetch(row.invoice_id)
            return billed is not None and billed.is_paid
        if row.payment_intent_id:
            intent = self._context.gateway.charges.fetch(row.payment_intent_id)
            return intent is not None and intent.is_paid
        page = self._context.gateway.checkout.fetch(row.session_id) if row.session_id else None
        return page is not None and page.is_paid

    def _sync_now(self, sync: Callable[[Context, str], Write[object]], stripe_id: str) -> None:
        write_now(self._context, sync(self._context, stripe_id))


def _differs(
    payment: Payment,
    row: Refund | Dispute | CreditNote | None,
    at_stripe: StripeRefund | StripeDispute | StripeCreditNote,
) -> str | None:
    """How what takes money back stands otherwise here than at Stripe; ``None`` if it does not."""
    if row is None or row.state != at_stripe.status:
        return f"it is {at_stripe.status}; here it is {row.state if row else 'not known'}"
    if row.amount_minor != at_stripe.amount_minor:
        there, here = (
            money.show(minor, payment.currency) for minor in (at_stripe.amount_minor, row.amount_minor)
        )
        return f"it is about {there}; here about {here}"
    return None
