"""Endpoints of customers: where their webhooks go, added, switched, tested, and what each was sent."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from sqlalchemy import case, delete, func, select, update
from sqlalchemy.orm import Session

from prepaid_ledger import check_owner
from prepaid_ledger.database import take_turns

from ... import signals
from ...context import Context, reading, refuse_uncommitted, transaction
from ...errors import NotYours, TooManyCalls, UnknownItem
from ...languages.words import gettext as _
from .. import messages, queues
from ..app_outbox import AppOutbox
from ..messages import Queue
from ..models import Delivery, DeliveryState, Message, OffBecause, Target, WebhookEndpoint
from ..queues import Due, Outcome
from . import addresses, customer_events
from .addresses import Refused
from .http import WebhookAnswer

#: Endpoints that one owner may have.
MAX_ENDPOINTS = 10

#: Tests and messages that one owner may have sent once more in a minute.
BY_HAND = 10
A_MINUTE = timedelta(minutes=1)

#: For so long the secret before signs beside a new one.
BOTH_SIGN = timedelta(days=1)


class OutboxContext(Context, Protocol):
    """An app whose outbox posts webhooks."""

    @property
    def outbox(self) -> AppOutbox:
        """What is told to the host and to customers."""


@dataclass(frozen=True)
class SentWebhook:
    """A message that was sent to an endpoint, or waits for it. ``type`` and ``uid`` are the message's."""

    delivery: Delivery
    uid: str
    type: str
    body: str


def add(context: OutboxContext, owner: str, url: str, events: Iterable[str] = ()) -> WebhookEndpoint:
    """Add an endpoint, with a new secret. Commits. A repeat with the same events finds it.

    :param events: The types that it is sent; none is all.
    :raises UnknownItem: It is no address that a webhook may go to, a type is none, or there are too many.
    :raises TooManyAttempts: The owner has asked for very many within a minute.
    :raises TooManyCalls: Enough others, or the owner, wait for a server at the moment.
    """
    check_owner(owner)
    refuse_uncommitted(context)
    types = list(dict.fromkeys(events))
    if unknown := [type_ for type_ in types if type_ not in customer_events.TYPES]:
        raise UnknownItem(_("There is no event %(type)s.", type=repr(unknown[0])), field="events")
    url = url.strip()
    poster = context.outbox.poster
    place = addresses.read(url, local=poster.local)
    context.gateway.ask_limit.require(owner)
    with reading(context):
        pass  # the connection goes back: a name's server may take its time
    try:
        with context.outbox.by_hand.turn(owner):
            addresses.resolved(place, poster.resolve, local=poster.local)
    except Refused as refused:
        raise UnknownItem(_(str(refused)), field="url") from None
    with transaction(context) as session:
        take_turns(session, f"prepaid_endpoint:{owner}")
        same = {"owner": owner, "url": url, "events": ",".join(types)}
        there = session.scalars(select(WebhookEndpoint).filter_by(**same).limit(1)).first()
        if there is not None:
            return there
        row = WebhookEndpoint(**same, secret=new_secret(), created_at=context.clock())
        session.add(row)
        session.flush()
        mine = select(func.count()).where(WebhookEndpoint.owner == owner)
        if (session.scalar(mine) or 0) > MAX_ENDPOINTS:
            words = _("%(max)s addresses are the most. Remove one first.", max=MAX_ENDPOINTS)
            raise UnknownItem(words, field="url")
        signals.tell(signals.endpoint_set, owner=owner, endpoint_id=row.id, action="added")
    return row


def new_secret() -> str:
    """A secret of Standard Webhooks: ``whsec_`` and 32 random bytes in base64."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


def of(session: Session, owner: str) -> Sequence[WebhookEndpoint]:
    """The owner's endpoints, the oldest first."""
    mine = select(WebhookEndpoint).where(WebhookEndpoint.owner == owner)
    return session.scalars(mine.order_by(WebhookEndpoint.id)).all()


def find(session: Session, owner: str, endpoint_id: int) -> WebhookEndpoint:
    """
    :raises NotYours: It is none of the owner's.
    """
    row = session.get(WebhookEndpoint, endpoint_id)
    if row is None or row.owner != owner:
        raise NotYours("There is no such endpoint.")
    return row


def switch(context: Context, owner: str, endpoint_id: int, *, on: bool) -> WebhookEndpoint:
    """Send webhooks to an endpoint, or not any more. Commits. A repeat does nothing.

    What waits for it goes out, in order, once it is on. While its owner has it off, nothing new waits.

    :raises NotYours: It is none of the owner's.
    """
    with transaction(context) as session:
        row = find(session, owner, endpoint_id)
        if on is (row.off_because is None):
            return row
        queue = Queue(owner, Target.ENDPOINT, endpoint_id)
        if on:  # deliveries come before their endpoint, whoever locks both
            queues.go_on(session, queue, context.clock())
        row.off_because, row.failing_since = (None if on else OffBecause.OWNER), None
        action = "switched on" if on else "switched off"
        signals.tell(signals.endpoint_set, owner=owner, endpoint_id=row.id, action=action)
        if on:  # and what was paused meanwhile, by whoever has seen it off
            session.flush()
            messages.take_turns_of(session, owner)
            queues.go_on(session, queue, context.clock())
    return row


def remove(context: Context, owner: str, endpoint_id: int) -> None:
    """Take an endpoint away, with what waits for it. Commits. A repeat does nothing.

    :raises NotYours: It is somebody else's.
    """
    with transaction(context) as session:
        mine = WebhookEndpoint.id == endpoint_id, WebhookEndpoint.owner == owner
        # Deliveries come before their endpoint, whoever locks both.
        session.execute(
            delete(Delivery).where(Delivery.endpoint_id.in_(select(WebhookEndpoint.id).where(*mine)))
        )
        removed = delete(WebhookEndpoint).where(*mine).returning(WebhookEndpoint.id)
        if session.scalar(removed) is not None:
            signals.tell(signals.endpoint_set, owner=owner, endpoint_id=endpoint_id, action="removed")
        elif session.get(WebhookEndpoint, endpoint_id) is not None:
            raise NotYours("There is no such endpoint.")


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
    with context.outbox.by_hand.turn(owner):
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


def rotate(context: Context, owner: str, endpoint_id: int) -> str:
    """Sign under a new secret from now on, and under the one before, too, for a day; the new one. Commits.

    The customer's program takes what is signed under either, so that none is refused while it changes. Done
    again within that day, the one before stays the one that the program had when the day began.

    :raises NotYours: It is none of the owner's.
    """
    now, secret = context.clock(), new_secret()
    both_sign = WebhookEndpoint.old_until > now
    with transaction(context) as session:
        row = find(session, owner, endpoint_id)
        # One statement: of two at once, the second sees what the first has written.
        session.execute(
            update(WebhookEndpoint)
            .where(WebhookEndpoint.id == endpoint_id, WebhookEndpoint.owner == owner)
            .values(
                secret=secret,
                old_secret=case((both_sign, WebhookEndpoint.old_secret), else_=WebhookEndpoint.secret),
                old_until=case((both_sign, WebhookEndpoint.old_until), else_=now + BOTH_SIGN),
            )
        )
        session.refresh(row)
        signals.tell(signals.endpoint_set, owner=owner, endpoint_id=row.id, action="given a new secret")
    return secret


def reveal(context: Context, owner: str, endpoint_id: int) -> str:
    """The secret of an endpoint.

    :raises NotYours: It is none of the owner's.
    """
    with reading(context) as session:
        return find(session, owner, endpoint_id).secret
