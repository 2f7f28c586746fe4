"""What a host can listen to. Each is written down with what it tells, and sent after that commit.

The sender is the Flask app. A receiver runs in the request or command that caused it; what the process dies
before, or what a receiver raises at, ``tick`` sends again. So a receiver hears a signal at least once, and
``message_id`` is the same at every repeat. It may use the session: what it writes is committed with the note
that it was told. Signals of one owner come in order. The last six are sent before the commit.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from blinker import NamedSignal, Namespace
from flask import current_app
from sqlalchemy.orm import Session

_signals = Namespace()

#: A payment arrived and its credits are in the wallet: ``owner``, ``credits``, ``payment_id``.
credits_added = _signals.signal("credits-added")

#: A payment is paid, of a pack or of a plan's period; once for each, whatever it gives and when: ``owner``,
#: ``payment_id``. Its mail is the receipt.
payment_paid = _signals.signal("payment-paid")

#: Money of a payment is on its way back to its card: ``owner``, ``payment_id``, ``refund_id``,
#: ``amount_minor``. ``clawed_back`` is sent as well, where it takes credits. Its mail is the receipt.
payment_refunded = _signals.signal("payment-refunded")

#: The bank did not take a refund that was told of, and its credits are back: ``owner``, ``payment_id``,
#: ``refund_id``, ``amount_minor``.
refund_failed = _signals.signal("refund-failed")

#: A payment came to nothing: ``owner``, ``payment_id``, ``reason`` (for operators, not for the customer).
payment_failed = _signals.signal("payment-failed")

#: What was paid is not what was agreed, so no credits were given; an operator must look at it:
#: ``owner``, ``payment_id``.
payment_needs_review = _signals.signal("payment-needs-review")

#: Money went back, and its credits with it: ``owner``, ``payment_id``, ``credits`` taken, ``debt`` made.
clawed_back = _signals.signal("clawed-back")

#: A card's bank suspects a payment, by Stripe's early fraud warning; a refund now may spare the dispute:
#: ``owner``, ``payment_id``, ``fraud_type`` in Stripe's word, ``charge`` (its PaymentIntent). Where it is
#: ``refundable``, ``refund(payment_id, charge=charge, ...)`` sends it back. Else another charge has paid the
#: payment: refund this one in Stripe's dashboard.
fraud_warned = _signals.signal("fraud-warned")

#: Auto top-up bought a pack: ``owner``, ``payment_id``, ``credits``. ``credits_added`` is sent as well.
topup_done = _signals.signal("topup-done")

#: A top-up was declined, or Stripe refused it, and it is tried again later: ``owner``, ``payment_id``.
topup_failed = _signals.signal("topup-failed")

#: Auto top-up has switched itself off: ``owner``, ``payment_id`` or ``None``, ``reason``. Where the bank
#: wants its customer, the page of that payment leads there.
topup_stopped = _signals.signal("topup-stopped")

#: A top-up is due and is not made, for a reason that lasts, such as the month's ceiling; auto top-up stays
#: on. Sent once a month for each reason: ``owner``, ``reason``.
topup_skipped = _signals.signal("topup-skipped")

#: Fewer credits are available than the customer's alert says, or PREPAID_BALANCE_LOW where they have none.
#: Sent by ``tick`` once each time that they go below it: ``owner``, ``credits`` left, ``threshold``.
balance_low = _signals.signal("balance-low")

#: So many per cent of a budget are spent, as the customer's alert says; sent by ``tick`` once in each window:
#: ``owner``, ``spender`` (``None`` is the whole wallet), ``every``, ``credits`` of the budget, ``spent``,
#: ``percent``, ``resets_at``.
budget_near = _signals.signal("budget-near")

#: Credits lapse within the days of the customer's alert; sent by ``tick`` once for each lot: ``owner``,
#: ``credits``, ``expires_at``, ``days``.
credits_lapsing = _signals.signal("credits-lapsing")

#: A customer's endpoint was switched off, after days of failures or since it is gone: ``owner``,
#: ``endpoint_id``, ``url``, ``reason``.
endpoint_stopped = _signals.signal("endpoint-stopped")

#: The card that pays by default ends this month or the next; sent by ``tick`` once for each date on a
#: card: ``owner``, ``card_id``, ``brand``, ``last4``, ``month``, ``year``.
card_expiring = _signals.signal("card-expiring")

#: A plan began, changed, is to end, or ended: ``owner``, ``subscription_id``, states ``before``, ``after``.
plan_changed = _signals.signal("plan-changed")

#: A plan's invoice was not paid: ``owner``, ``subscription_id``, ``state``, ``page_url`` where it can be.
plan_payment_failed = _signals.signal("plan-payment-failed")

#: A plan has ended because its payment failed, after all retries: ``owner``, ``subscription_id``, ``title``,
#: ``ended_at``. ``plan_changed`` is sent as well.
plan_ended_unpaid = _signals.signal("plan-ended-unpaid")

#: A plan ends with what is paid of it, since a bank doubts a payment for it, unless its customer or an
#: operator keeps it; or it has ended, since Stripe does not have it: ``owner``, ``subscription_id``,
#: ``payment_id`` (``None``: no payment is to blame), ``title``, ``reason``, ``ends_at`` (``None``: it has
#: ended at once). ``plan_changed`` is sent as well.
plan_stopped = _signals.signal("plan-stopped")

#: A trial ends in three days: ``owner``, ``subscription_id``, ``trial_end``.
trial_ending = _signals.signal("trial-ending")

#: A code was redeemed: ``owner``, ``code``, ``credits``; and ``referrer`` with ``referrer_credits``, or
#: ``None`` and 0 where the code is nobody's.
code_redeemed = _signals.signal("code-redeemed")

#: An API key is made: ``owner``, ``key_id``. This and what follows is sent before the commit of what is done,
#: or before Stripe is asked: add your record to the session, and do not commit.
key_made = _signals.signal("key-made")

#: An API key is revoked: ``owner``, ``key_id``.
key_revoked = _signals.signal("key-revoked")

#: A customer sets a budget on our page, or takes it away: ``owner``, ``spender`` (``None`` is the whole
#: wallet), ``every``, ``credits`` or ``None``.
limit_set = _signals.signal("limit-set")

#: A customer adds an endpoint for webhooks, switches it or takes it away: ``owner``, ``endpoint_id``,
#: ``action``.
endpoint_set = _signals.signal("endpoint-set")

#: A customer sets an alert, or takes it away: ``owner``, ``kind``, ``threshold``, ``on``.
alert_set = _signals.signal("alert-set")

#: An operator acts: ``operator``, ``action``, ``owner`` or ``None``, ``reason``, ``detail``.
operator_acts = _signals.signal("operator-acts")

#: `tick` has done what is due, for a host that does its own upkeep then. A receiver commits what it writes;
#: where it raises, that is logged.
ticked = _signals.signal("ticked")

_WAITING = "prepaid_signals"

_message_id: ContextVar[str | None] = ContextVar("prepaid_message_id", default=None)

#: A signal that waits for the commit, with what is sent along.
Waiting = tuple[NamedSignal, dict[str, Any]]


def message_id() -> str | None:
    """The id of what a receiver or your mailer is told, ``msg_...``: the same each time. Else ``None``."""
    return _message_id.get()


@contextmanager
def telling(message_id: str) -> Iterator[None]:
    """What is sent in here has this id."""
    token = _message_id.set(message_id)
    try:
        yield
    finally:
        _message_id.reset(token)


def tell(signal: NamedSignal, **values: Any) -> None:
    """Send ``signal`` now, in the transaction that is open."""
    signal.send(current_app._get_current_object(), **values)  # type: ignore[attr-defined]


def after_commit(session: Session, signal: NamedSignal, **values: Any) -> None:
    """Write ``signal`` down with the transaction that is open; it is sent after that commit."""
    session.info.setdefault(_WAITING, []).append((signal, values))


def take_waiting(session: Session) -> list[Waiting]:
    """Take what waits for the commit of this session: nothing does any more."""
    waiting: list[Waiting] = session.info.pop(_WAITING, [])
    return waiting


def named(name: str) -> NamedSignal | None:
    """The signal of that name; ``None`` where this release has none."""
    return _signals.get(name)
