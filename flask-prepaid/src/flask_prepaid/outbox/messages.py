"""What is to be told becomes rows, in the transaction of what it tells."""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from prepaid_ledger.database import take_turns

from ..signals import Waiting
from .models import Delivery, DeliveryState, Message, OffBecause, Target, WebhookEndpoint
from .webhooks import customer_events

#: Whoever writes a message delivers it, and has so long; then ``tick`` does it.
CLAIMED = timedelta(minutes=1)


@dataclass(frozen=True)
class Queue:
    """Deliveries of one owner to one target, one after the other. ``endpoint_id`` 0 is no endpoint."""

    owner: str
    target: Target
    endpoint_id: int = 0


@dataclass(frozen=True)
class Claim:
    """Deliveries that this process has taken when it wrote them, and until when they are its own."""

    ids: set[int]
    until: datetime


#: The deliveries that were written, by queue.
Queues = dict[Queue, Claim]


def write(
    session: Session,
    outgoing: Sequence[Waiting],
    *,
    mailed: Collection[str],
    now: datetime,
    claimed: timedelta,
) -> Queues:
    """Write a message for each signal, with a delivery to each of its targets. Call it last, then commit.

    Transactions of one owner take turns from here to their commit: the order of ids is that of commits.

    :param mailed: The names of the signals that are written to the customer, too.
    :param claimed: For how long nobody but the writer delivers to receivers and mailboxes.
    """
    owners = {values["owner"] for _, values in outgoing}
    take_turns_of(session, *owners)
    endpoints = endpoints_of(session, owners)
    messages = [new_message(signal.name, values, now) for signal, values in outgoing]
    session.add_all(messages)
    session.flush()
    off = {endpoint.id for mine in endpoints.values() for endpoint in mine if endpoint.off_because}
    deliveries = [
        Delivery(
            message_id=message.id,
            owner=message.owner,
            target=target,
            endpoint_id=endpoint_id,
            state=DeliveryState.PAUSED if endpoint_id in off else DeliveryState.WAITING,
            next_try_at=now if endpoint_id else now + claimed,
        )
        for message in messages
        for target, endpoint_id in targets_of(message, mailed, endpoints.get(message.owner, []))
    ]
    session.add_all(deliveries)
    session.flush()
    queues: Queues = {}
    for row in deliveries:
        queue = Queue(row.owner, row.target, row.endpoint_id)
        queues.setdefault(queue, Claim(set(), now + claimed)).ids.add(row.id)
    return queues


def take_turns_of(session: Session, *owners: str) -> None:
    """Have transactions that write messages of these owners wait for each other, until each ends."""
    take_turns(session, *(f"prepaid_message:{owner}" for owner in owners))


def new_message(signal: str, values: Mapping[str, Any], now: datetime) -> Message:
    data = {name: value for name, value in values.items() if name != "owner"}
    return Message(uid=new_uid(), owner=values["owner"], signal=signal, data=encoded(data), at=now)


def new_uid() -> str:
    return f"msg_{secrets.token_hex(16)}"


def targets_of(
    message: Message, mailed: Collection[str], endpoints: Sequence[WebhookEndpoint]
) -> list[tuple[Target, int]]:
    targets = [(Target.RECEIVERS, 0)]
    if message.signal in mailed:
        targets.append((Target.MAIL, 0))
    type_ = customer_events.type_of(message.signal)
    if type_ is not None:
        targets += [(Target.ENDPOINT, endpoint.id) for endpoint in endpoints if wants(endpoint.events, type_)]
    return targets


def wants(events: str, type_: str) -> bool:
    """Whether an endpoint is sent this type; one that names none is sent all."""
    return not events or type_ in events.split(",")


def endpoints_of(session: Session, owners: Collection[str]) -> dict[str, list[WebhookEndpoint]]:
    """The endpoints for which messages are kept: those that are on, and those that failed for days."""
    kept = or_(WebhookEndpoint.off_because.is_(None), WebhookEndpoint.off_because == OffBecause.FAILED)
    mine = select(WebhookEndpoint).where(WebhookEndpoint.owner.in_(owners), kept)
    endpoints: dict[str, list[WebhookEndpoint]] = {}
    for endpoint in session.scalars(mine.order_by(WebhookEndpoint.id)):
        endpoints.setdefault(endpoint.owner, []).append(endpoint)
    return endpoints


def encoded(data: Mapping[str, Any]) -> str:
    """JSON in which a time is ``{"at": ...}``."""
    return json.dumps(data, default=_time)


def decoded(text: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(text)
    return {name: _value(value) for name, value in data.items()}


def _time(value: object) -> dict[str, str]:
    assert isinstance(value, datetime), "a signal carries numbers, texts and times"
    return {"at": value.isoformat()}


def _value(value: Any) -> Any:
    return datetime.fromisoformat(value["at"]) if isinstance(value, dict) else value
