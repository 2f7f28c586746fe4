"""What a host can listen to. Each is sent once, after the commit of what it tells, but for the last four.

The sender is the Flask app. A receiver runs in the request or command that
caused it, may use the session, and commits what it writes.
"""

from __future__ import annotations

from typing import Any

from blinker import NamedSignal, Namespace
from flask import current_app
from sqlalchemy.orm import Session

_signals = Namespace()

#: A payment arrived and its credits are in the wallet: ``owner``, ``credits``, ``payment_id``.
credits_added = _signals.signal("credits-added")

#: A payment came to nothing: ``owner``, ``payment_id``, ``reason`` (for operators, not for the customer).
payment_failed = _signals.signal("payment-failed")

#: What was paid is not what was agreed, so no credits were given; an operator must look at it:
#: ``owner``, ``payment_id``.
payment_needs_review = _signals.signal("payment-needs-review")

#: Money went back, and its credits with it: ``owner``, ``payment_id``, ``credits`` taken, ``debt`` made.
clawed_back = _signals.signal("clawed-back")

#: A card's bank suspects a payment, by Stripe's early fraud warning; a refund now may spare the dispute:
#: ``owner``, ``payment_id``, ``fraud_type`` in Stripe's word.
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

#: Fewer credits are available than PREPAID_BALANCE_LOW; sent by ``tick`` once for each time that they go
#: below it: ``owner``, ``credits`` that are left.
balance_low = _signals.signal("balance-low")

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

#: An operator acts: ``operator``, ``action``, ``owner`` or ``None``, ``reason``, ``detail``.
operator_acts = _signals.signal("operator-acts")

_WAITING = "prepaid_signals"


def tell(signal: NamedSignal, **values: Any) -> None:
    """Send ``signal`` now, in the transaction that is open."""
    signal.send(current_app._get_current_object(), **values)  # type: ignore[attr-defined]


def after_commit(session: Session, signal: NamedSignal, **values: Any) -> None:
    """Send ``signal`` once the transaction that is open has been committed."""
    session.info.setdefault(_WAITING, []).append((signal, values))


def send(session: Session) -> None:
    """Send what waits for the commit of this session, which has just come."""
    for signal, values in session.info.pop(_WAITING, []):
        tell(signal, **values)


def forget(session: Session) -> None:
    """Send nothing of what waits for the commit of this session, which does not come."""
    session.info.pop(_WAITING, None)
