"""What is wrong with a set-up, and how to mend it, one sentence each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from flask import current_app
from sqlalchemy import exists, func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from prepaid_ledger import clock
from prepaid_ledger.database import no_right
from prepaid_ledger.tables import Wallet

from .. import upgrade
from ..context import Context
from ..errors import GatewayRefused, GatewayUnavailable
from ..gateway import no_answer
from ..gateway.billing.billing_details import UNVERIFIED
from ..gateway.billing.tax_words import REVERSE_CHARGE
from ..gateway.version import MIN_SDK_MAJOR, SDK_MAJOR, SDK_VERSION
from ..host import apps
from ..outbox import given_up, summary
from ..payments import refusals
from ..payments.customers.models import Customer
from ..payments.models import Payment, PaymentState
from ..payments.outcome import wrong_charges
from ..purchases.money_back.disputes import disputes, fraud_warnings
from ..reports.sums import credit_sums
from ..subscriptions import not_at_stripe
from . import way_of_events
from .elsewhere import places
from .models import InboxEvent

#: A webhook's signature is refused when the clocks are this far apart.
CLOCK_OFF_S = 60

#: What has moved so long ago is counted.
DAY = timedelta(days=1)

#: Where so many endpoints of customers fail, and none does not, it may be ours.
ALL_FAIL = 3

#: So many are named of what waits for somebody.
NAMED = 10


def examine(context: Context) -> list[str]:
    """Everything that is wrong. Empty is good. Nothing is changed."""
    wrong_settings = [*_settings(), *places.out_of_reach(context)]
    out_of_reach = [*_tables(context), *_stripe(context)]
    if out_of_reach:
        return wrong_settings + out_of_reach
    return [
        *wrong_settings,
        *way_of_events.blocked(context),
        *_refusals(context),
        *_upkeep(context),
        *_outbox(context),
    ]


def _settings() -> Iterator[str]:
    yield from _migrations()
    yield from apps.shadows(current_app)
    if SDK_MAJOR < MIN_SDK_MAJOR:
        yield (
            f"The installed SDK is stripe {SDK_VERSION}, older than this extension can do with. "
            "Install what it asks for: pip install --force-reinstall flask-prepaid"
        )


def _migrations() -> Iterator[str]:
    """Whether the host's own migrations would drop our tables: Flask-Migrate compares all that it sees."""
    migrate = current_app.extensions.get("migrate")
    if migrate is None:
        return
    given = migrate.configure_args.get("include_name") or migrate.configure_args.get("include_object")
    env = Path(current_app.root_path, migrate.directory, "env.py")
    if given is None and env.is_file() and b"include_" in env.read_bytes():
        return  # the host's own file decides
    if given is None or ("include_name" in migrate.configure_args and given("prepaid_entry", "table", {})):
        yield (
            "`flask db migrate` would drop the prepaid_* tables: nothing tells Flask-Migrate to leave them "
            "alone. From flask_prepaid, give it include_name: Migrate(app, db, include_name=include_name)"
        )


def _tables(context: Context) -> Iterator[str]:
    try:
        behind = upgrade.behind(context.engine)
    except DBAPIError as error:
        yield no_right(error) or f"The database does not answer: {error.orig}"
        return
    yield from behind


def _stripe(context: Context) -> Iterator[str]:
    try:
        stripes_time = context.gateway.account.fetch_time()
    except GatewayUnavailable:
        yield no_answer.advice(context.config.api_base)
        return
    except GatewayRefused as refused:
        yield f"Stripe refuses PREPAID_STRIPE_SECRET_KEY: {refused}"
        return
    apart = abs((stripes_time - clock.wall()).total_seconds()) if stripes_time else 0
    if apart > CLOCK_OFF_S:
        yield f"This machine's clock is {apart:.0f} s off Stripe's: webhooks are refused. Set it by NTP."


def _refusals(context: Context) -> Iterator[str]:
    """What Stripe, or a rule of ours, refused within a day."""
    for refused in refusals.lately(context):
        request = f", request {refused.request_id}" if refused.request_id else ""
        times = counted(refused.times, "time", "times")
        yield (
            f"Refused {times} within a day, for {refused.code}: {refused.message.rstrip('.')}{request}. "
            "The log has each."
        )


def _upkeep(context: Context) -> Iterator[str]:
    """What came in and waits, or was left undone."""
    session = context.session
    yield from _unhandled_events(session)
    yield from _disputes_to_answer(context)
    yield from _suspected_payments(session)
    yield from _to_review(session)
    yield from _plans_not_at_stripe(context)
    yield from _untaxed_without_proof(session)
    yield from _refused_addresses(session)
    yield from _overdue_payments(session)
    yield from _uncounted(context)


def _unhandled_events(session: Session) -> Iterator[str]:
    failed = InboxEvent.handled_at.is_(None), InboxEvent.received_at < clock.wall() - way_of_events.ON_ITS_WAY
    count = session.scalar(select(func.count()).select_from(InboxEvent).where(*failed))
    if count:
        first = select(InboxEvent.outcome).where(*failed).order_by(InboxEvent.received_at).limit(1)
        yield (
            f"{counted(count, 'event came in and was', 'events came in and were')} not handled, the first "
            f"for: {session.scalar(first)}. Run: flask prepaid replay --failed"
        )


def _disputes_to_answer(context: Context) -> Iterator[str]:
    session, now = context.session, context.clock()
    waiting = disputes.to_answer(session, now, limit=NAMED)
    for dispute, _ in waiting[:1]:
        due_at = dispute.evidence_due_at
        due = f", the first until {due_at:%Y-%m-%d %H:%M} UTC" if due_at else ""
        count = disputes.count_to_answer(session, now)
        named = [f"{row.id} of payment {payment.id} ({payment.owner})" for row, payment in waiting]
        more = f" and {count - len(named):,} more" if count > len(named) else ""
        yield (
            f"{counted(count, 'dispute waits', 'disputes wait')} for evidence{due}: send it in "
            "Stripe's dashboard, or the bank sides with its customer. By day: "
            f"{', '.join(named)}{more}. Each customer's: flask prepaid show OWNER"
        )


def _suspected_payments(session: Session) -> Iterator[str]:
    warned = fraud_warnings.count(session)
    if warned:
        yield (
            f"{counted(warned, 'payment is', 'payments are')} suspected by the card's bank, neither refunded "
            "nor disputed yet: refund on the operator's page, or set PREPAID_REFUND_FRAUD_WARNINGS."
        )
    no_credits = fraud_warnings.count_without_credits(session)
    if no_credits:
        yield (
            f"{counted(no_credits, 'charge is', 'charges are')} suspected by the card's bank, and brought no "
            "credits: refund in Stripe's dashboard. The operator's overview lists their payments."
        )
    tried = fraud_warnings.count(session, tried=True)
    if tried:
        yield (
            f"{counted(tried, 'payment', 'payments')} suspected by the card's bank could not be refunded by "
            "itself. What Stripe refuses, as where the balance there is too low, tick asks for again within "
            "five days; what the bank sent back, it does not. The payment's page has why; refund there."
        )


def _to_review(session: Session) -> Iterator[str]:
    waiting = wrong_charges.count(session)
    if waiting:
        yield (
            f"{counted(waiting, 'payment needs', 'payments need')} a review: what was paid is not what was "
            "agreed, so no credits were given. The operator's overview lists them. Refund the money, unless "
            "a bank has it back, or give the credits, and then say so on the payment's page, or by: flask "
            "prepaid review PAYMENT --note TEXT"
        )


def _untaxed_without_proof(session: Session) -> Iterator[str]:
    """Customers who pay the tax themselves by a tax id that its register does not know."""
    paid = exists().where(
        Payment.owner == Customer.owner,
        Payment.state == PaymentState.PAID,
        Payment.taxed.endswith(REVERSE_CHARGE),
    )
    unknown = Customer.tax_id_status == UNVERIFIED
    unproved = session.scalar(select(func.count()).select_from(Customer).where(unknown, paid))
    if unproved:
        yield (
            f"{counted(unproved, 'customer pays', 'customers pay')} no tax by reverse charge, and the "
            "register of tax ids does not know theirs: the tax may be yours to pay. The operator's page of "
            "the customer shows it; ask them for the right one."
        )


def _plans_not_at_stripe(context: Context) -> Iterator[str]:
    try:
        owners = not_at_stripe.some(context)
    except GatewayRefused:  # a restricted key that may not read plans
        return
    if owners:
        yield (
            f"Stripe does not have the plan of {owners[0]}, which runs here: this key is of another account "
            "than the plan, or its data was deleted there. Such a plan never renews. Put the right key back; "
            "or, where this account is the one from now on, end such plans here and have their customers "
            "choose anew: flask prepaid connect --end-plans"
        )


def _refused_addresses(session: Session) -> Iterator[str]:
    refused = session.scalar(select(func.count()).where(Customer.refused_email.is_not(None)))
    if refused:
        yield (
            f"Stripe does not take the address of {counted(refused, 'customer', 'customers')}: no receipt "
            "reaches it. The operator's page of the customer shows it; when they correct it, call "
            "prepaid.sync_customer(owner)."
        )


def _overdue_payments(session: Session) -> Iterator[str]:
    overdue = Payment.check_at < clock.wall() - summary.TICK_MISSED
    waiting = session.scalar(select(func.count()).select_from(Payment).where(overdue))
    if waiting:
        yield (
            f"{counted(waiting, 'payment waits', 'payments wait')} for half an hour or more: no tick runs. "
            "Run it every minute: flask prepaid tick"
        )


def _uncounted(context: Context) -> Iterator[str]:
    """A wallet that tick could not draw, and so not count."""
    left = credit_sums.behind().where(Wallet.moved_at < context.clock() - DAY).order_by(Wallet.id).limit(1)
    for wallet in context.session.execute(left):
        yield (
            f"What the wallet of {wallet.owner} moved a day ago is not counted yet: no tick runs, or its "
            "rows contradict each other. Run: flask prepaid tick, then flask prepaid audit"
        )


def _outbox(context: Context) -> Iterator[str]:
    """What the host or its customers were not told."""
    session = context.session
    yield from _given_up(session)
    yield from _failing(session)
    yield from _overdue_messages(session, context.clock())
    yield from _failing_endpoints(session)


def _given_up(session: Session) -> Iterator[str]:
    count = given_up.count(session)
    if count:
        delivery, message = given_up.oldest(session, limit=1)[0]
        yield (
            f"{counted(count, 'signal or mail was', 'signals and mails were')} given up after three days, "
            f"the first {message.signal} to {delivery.target}, for {delivery.answer}. Mend that, then run: "
            "flask prepaid outbox --again"
        )


def _failing(session: Session) -> Iterator[str]:
    failing, answer = summary.failing(session)
    if failing:
        yield (
            f"{counted(failing, 'signal or mail fails', 'signals and mails fail')} again and again, one for "
            f"{answer}. The log has each; the first one holds up its owner's others."
        )


def _overdue_messages(session: Session, now: datetime) -> Iterator[str]:
    overdue = summary.overdue_count(session, now, endpoints=False)
    if overdue:
        yield (
            f"{at_least(overdue, 'queue of signals or mails waits', 'queues of signals or mails wait')} for "
            "half an hour or more: no tick runs. Run it every minute: flask prepaid tick"
        )
    endpoints = summary.overdue_count(session, now, endpoints=True)
    if endpoints:
        yield (
            f"{at_least(endpoints, 'endpoint of a customer waits', 'endpoints of customers wait')} for half "
            "an hour or more for what is due: no tick runs, or one does not get through. Run it every "
            "minute: flask prepaid tick"
        )


def _failing_endpoints(session: Session) -> Iterator[str]:
    on, fail, since = summary.endpoints_on(session)
    if fail == on >= ALL_FAIL and since is not None:
        yield (
            f"All {on:,} endpoints of customers fail, the first since {since:%Y-%m-%d %H:%M} UTC: this "
            "machine may reach nobody by HTTPS. After three days they are switched off."
        )


def at_least(number: int, singular: str, plural: str) -> str:
    """A number of queues with its noun. They are counted up to a number: ``1,000 or more queues wait``."""
    if number < summary.MANY:
        return counted(number, singular, plural)
    return f"{summary.MANY:,} or more {plural}"


def counted(number: int, singular: str, plural: str) -> str:
    """A number with its noun: ``1 payment is``, ``2 payments are``."""
    return f"{number:,} {singular if number == 1 else plural}"
