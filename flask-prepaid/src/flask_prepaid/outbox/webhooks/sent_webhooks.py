"""What an endpoint was sent, and what its owner has sent by hand: a message once more, or a test."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from prepaid_ledger.database import take_turns

from ...context import Context, transaction
from ...errors import NotYours, TooManyCalls, UnknownItem
from .. import messages, queues
from ..messages import Queue
from ..models import Delivery, DeliveryState, Message, Target, WebhookEndpoint
from ..queues import Due, Outcome
from . import customer_events
from .endpoints import OutboxContext, find
from .http import WebhookAnswer

#: Tests and messages that one owner may have sent once more in a minute.
BY_HAND = 10
A_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class SentWebhook:
    """A message that was sent to an endpoint, or waits for it. ``type`` and ``uid`` are the message's."""

    delivery: Delivery
    uid: str
    type: str
    body: str


def sent(
    context: OutboxContext, owner: str, endpoint_id: int, *, limit: int = 50, before: int | None = None
) -> list[SentWebhook]:
    """What an endpoint was sent, and what waits for it, the latest first.

    :param before: Only those before the delivery of this number.
    :raises NotYours: It is none of the owner's.
    """
    session = context.session
    find(session, owner, endpoint_id)
    mine = (
        select(Delivery, Message)
        .join(Message, Message.id == Delivery.message_id)
        .where(Delivery.endpoint_id == endpoint_id, Delivery.owner == owner)
    )
    if before is not None:
        mine = mine.where(Delivery.id < before)
    unit = context.outbox.courier(context).unit
    return [
        SentWebhook(
            delivery,
            message.uid,
            customer_events.type_of(message.signal) or message.signal,
            customer_events.body(message.signal, messages.decoded(message.data), message.at, unit),
        )
        for delivery, message in session.execute(mine.order_by(Delivery.id.desc()).limit(limit))
    ]


def last_refused(session: Session, endpoint: WebhookEndpoint) -> Delivery | None:
    """The last delivery that an endpoint has not taken, with its answer; ``None`` where there is none."""
    refused = select(Delivery).where(Delivery.endpoint_id == endpoint.id, Delivery.answer.is_not(None))
    return session.scalars(refused.order_by(Delivery.tried_at.desc()).limit(1)).first()


def send_again(context: Context, owner: str, delivery_id: int) -> Delivery:
    """Send a message to its endpoint once more, under the same id; one that waits is tried now. Commits.

    ``tick`` sends it, after what waits for the endpoint already, which is tried now, too.

    :raises NotYours: It was none of the owner's.
    :raises UnknownItem: The endpoint is off.
    :raises TooManyCalls: The owner has asked for too many within a minute.
    """
    now = context.clock()
    with transaction(context) as session:
        row = session.get(Delivery, delivery_id)
        if row is None or row.owner != owner or row.target is not Target.ENDPOINT:
            raise NotYours("There is no such message.")
        if find(session, owner, row.endpoint_id).off_because is not None:
            raise UnknownItem("Switch the endpoint on first.", field="delivery")
        _limit(session, owner, context)
        queues.hasten(session, Queue(owner, Target.ENDPOINT, row.endpoint_id), now)
        if row.state is DeliveryState.WAITING:
            row.next_try_at, row.by_hand = now, True
            return row
        again = Delivery(
            message_id=row.message_id,
            owner=owner,
            target=Target.ENDPOINT,
            endpoint_id=row.endpoint_id,
            by_hand=True,
            next_try_at=now,
        )
        session.add(again)
    return again


def test(context: OutboxContext, owner: str, endpoint_id: int) -> WebhookAnswer:
    """Send a test to an endpoint now, whatever waits for it, and say what it answered. Commits.

    :raises NotYours: It is none of the owner's.
    :raises TooManyCalls: The owner has asked for too many within a minute, or enough wait at the moment.
    """
    with context.outbox.waiting_requests.turn(owner):
        return _test(context, owner, endpoint_id)


def _test(context: OutboxContext, owner: str, endpoint_id: int) -> WebhookAnswer:
    now = context.clock()
    with transaction(context) as session:
        endpoint = find(session, owner, endpoint_id)
        _limit(session, owner, context)
        message = messages.new_message(customer_events.TEST, {"owner": owner}, now)
        session.add(message)
        session.flush()
        delivery = Delivery(
            message_id=message.id,
            owner=owner,
            target=Target.ENDPOINT,
            endpoint_id=endpoint_id,
            state=DeliveryState.GIVEN_UP,  # until it is answered: nobody sends it later
            by_hand=True,
            next_try_at=now,
        )
        session.add(delivery)
        session.flush()
        queue, sent = Queue(owner, Target.ENDPOINT, endpoint_id), (message.signal, message.data, message.at)
        due = Due(delivery.id, queue, 0, None, None, message.uid, *sent)
        session.refresh(endpoint)
        session.expunge(endpoint)
    posted = context.outbox.courier(context).post(endpoint, due.uid, due.signal, due.data, due.at)
    with transaction(context) as session:
        queues.note(session, due, Outcome(posted.error, status=posted.status), context.clock(), once=True)
    return posted


def _limit(session: Session, owner: str, context: Context) -> None:
    """
    :raises TooManyCalls: Too many were sent by hand within a minute.
    """
    take_turns(session, f"prepaid_endpoint:{owner}")
    mine = select(WebhookEndpoint.id).where(WebhookEndpoint.owner == owner)
    lately = select(func.count()).where(
        Delivery.endpoint_id.in_(mine),
        Delivery.by_hand,
        Delivery.next_try_at > context.clock() - A_MINUTE,
    )
    if (session.scalar(lately) or 0) >= BY_HAND:
        raise TooManyCalls(
            "That is too often for one minute. Wait a little, and send it again.",
            retry_after_s=60,
            headers={},
        )
