"""Endpoints of customers: where their webhooks go, added, switched on and off, removed, and their secrets."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Protocol

from sqlalchemy import case, delete, func, select, update
from sqlalchemy.orm import Session

from prepaid_ledger import check_owner
from prepaid_ledger.database import take_turns

from ... import signals
from ...context import Context, reading, refuse_uncommitted, transaction
from ...errors import NotYours, UnknownItem
from ...languages.words import gettext as _
from .. import messages, queues
from ..app_outbox import AppOutbox
from ..messages import Queue
from ..models import Delivery, OffBecause, Target, WebhookEndpoint
from . import addresses, customer_events
from .addresses import AddressRefused

#: Endpoints that one owner may have.
MAX_ENDPOINTS = 10

#: For so long the secret before signs beside a new one.
BOTH_SIGN = timedelta(days=1)


class OutboxContext(Context, Protocol):
    """An app whose outbox posts webhooks."""

    @property
    def outbox(self) -> AppOutbox:
        """What is told to the host and to customers."""


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
        with context.outbox.waiting_requests.turn(owner):
            addresses.resolved(place, poster.resolve, local=poster.local)
    except AddressRefused as refused:
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
