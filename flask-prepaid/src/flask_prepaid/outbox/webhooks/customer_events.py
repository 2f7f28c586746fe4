"""What customers' endpoints are sent: of which signals, under which type, with which values.

A signal that stands here nowhere is for the host alone, such as a payment that an operator must look at.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from prepaid_ledger import Unit

from ... import signals
from ...languages.words import marked


@dataclass(frozen=True)
class WebhookEvent:
    """A type of event that endpoints of customers are sent. ``means`` says in words what has happened.

    ``values`` and ``credits`` are the names in its ``data``. Credits that have decimals are sent as people
    write them: ``"0.125"``.
    """

    type: str
    means: str
    values: tuple[str, ...] = ()
    credits: tuple[str, ...] = ()

    @property
    def data(self) -> tuple[str, ...]:
        """Every name in its ``data``."""
        return self.values + self.credits


#: What a customer's endpoint is sent, by the signal's name.
EVENTS: dict[str, WebhookEvent] = {
    signals.credits_added.name: WebhookEvent(
        "credits.added", marked("credits came in by a payment or a plan"), ("payment_id",), ("credits",)
    ),
    signals.clawed_back.name: WebhookEvent(
        "credits.clawed_back",
        marked("money went back, and its credits with it"),
        ("payment_id",),
        ("credits", "debt"),
    ),
    signals.credits_lapsing.name: WebhookEvent(
        "credits.lapsing", marked("your alert: credits expire soon"), ("expires_at", "days"), ("credits",)
    ),
    signals.balance_low.name: WebhookEvent(
        "balance.low", marked("your alert: the balance is low"), (), ("credits", "threshold")
    ),
    signals.budget_near.name: WebhookEvent(
        "budget.near",
        marked("your alert: so much of a limit is spent"),
        ("spender", "every", "percent", "resets_at"),
        ("credits", "spent"),
    ),
    signals.payment_failed.name: WebhookEvent(
        "payment.failed", marked("a payment came to nothing"), ("payment_id",)
    ),
    signals.topup_failed.name: WebhookEvent(
        "topup.failed", marked("an auto top-up did not go through; it is tried again"), ("payment_id",)
    ),
    signals.topup_stopped.name: WebhookEvent(
        "topup.stopped", marked("auto top-up has switched itself off"), ("payment_id", "reason")
    ),
    signals.topup_skipped.name: WebhookEvent(
        "topup.skipped", marked("an auto top-up was not made"), ("reason",)
    ),
    signals.card_expiring.name: WebhookEvent(
        "card.expiring", marked("the card that pays expires soon"), ("brand", "last4", "month", "year")
    ),
    signals.plan_changed.name: WebhookEvent(
        "plan.changed", marked("a plan began, changed or ended"), ("subscription_id", "before", "after")
    ),
    signals.plan_payment_failed.name: WebhookEvent(
        "plan.payment_failed",
        marked("a plan's payment did not go through"),
        ("subscription_id", "state", "page_url"),
    ),
    signals.trial_ending.name: WebhookEvent(
        "trial.ending", marked("a trial ends in three days"), ("subscription_id", "trial_end")
    ),
    signals.code_redeemed.name: WebhookEvent(
        "code.redeemed", marked("a code was redeemed"), ("code",), ("credits",)
    ),
}

#: The name under which a test is kept; its type is sent to no endpoint by itself.
TEST = "endpoint-test"
TEST_TYPE = "endpoint.test"

#: What an endpoint can be sent, for pages that tell customers; each can be chosen by its type.
WEBHOOK_EVENTS = tuple(EVENTS.values())
TYPES = frozenset(event.type for event in WEBHOOK_EVENTS)


def type_of(signal: str) -> str | None:
    """The type under which customers are sent it; ``None`` where they are not."""
    if signal == TEST:
        return TEST_TYPE
    event = EVENTS.get(signal)
    return None if event is None else event.type


def body(signal: str, data: Mapping[str, Any], at: datetime, unit: Unit) -> str:
    """What is sent, the same at every repeat: ``type``, ``timestamp`` and ``data``."""
    event = EVENTS.get(signal, WebhookEvent(TEST_TYPE, ""))
    sent = {name: _shown(data.get(name)) for name in event.values}
    sent |= {name: _credits(data.get(name), unit) for name in event.credits}
    return json.dumps({"type": type_of(signal), "timestamp": _shown(at), "data": sent})


def _shown(value: Any) -> Any:
    return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}" if isinstance(value, datetime) else value


def _credits(value: Any, unit: Unit) -> Any:
    return value if value is None or not unit.scale else unit.plain(value)
