"""The outbox of one app, as ``transaction`` and ``tick`` know it: written, delivered, and forgotten.

Messages are kept for some weeks. A customer who is removed leaves nothing here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import and_, delete, exists, not_, select, update
from sqlalchemy.orm import Session

from .. import signals
from ..context import Context, reading, transaction
from ..languages import units
from . import delivering, due_queues, mail_log, messages
from .delivering import WriteMail
from .messages import Queues
from .models import (
    Alert,
    Crossing,
    Delivery,
    DeliveryState,
    MailRecord,
    Message,
    Target,
    WebhookEndpoint,
)
from .webhooks.courier import Courier
from .webhooks.http import Poster
from .webhooks.waiting_requests import WaitingRequests

#: For how long messages are kept, with what came of each. One that still waits stays as long as that, too.
KEPT = timedelta(days=30)

#: How many rows one tick deletes.
FORGOTTEN_AT_ONCE = 500

#: How many owners' queues one tick empties.
AT_ONCE = 200


@dataclass
class AppOutbox:
    """Takes what is to be told, and delivers it.

    :param mailed: The names of the signals that are written to customers by ``write_mail``.
    """

    poster: Poster
    mailed: frozenset[str] = frozenset()
    write_mail: WriteMail | None = None
    waiting_requests: WaitingRequests = field(default_factory=WaitingRequests)

    def write(self, context: Context) -> Queues:
        """Write down what waits for the commit of the session."""
        outgoing = signals.take_waiting(context.session)
        if not outgoing:
            return {}
        return messages.write(
            context.session,
            outgoing,
            mailed=self.mailed,
            now=context.clock(),
            claimed=messages.CLAIMED,
        )

    def deliver(self, context: Context, written: Queues) -> None:
        """Deliver what was written and committed to receivers and mailboxes. Nothing is raised."""
        delivering.deliver(context, written, self.write_mail)

    def deliver_due(self, context: Context) -> int:
        """Deliver all that is due, to endpoints, too; how many queues had something. Commits."""
        with reading(context) as session:
            due = due_queues.due(session, context.clock(), limit=AT_ONCE, endpoints=True)
        self.courier(context).deliver(due)
        heard = delivering.deliver_due(context, self.write_mail, limit=AT_ONCE)
        forget(context)
        forget_secrets(context)
        return len(due) + heard

    def courier(self, context: Context) -> Courier:
        return Courier(context.engine, context.clock, self.poster, units.current(), self.mailed)


def forget(context: Context) -> None:
    """Delete messages and mails that are old. One that is to be told to the host is never old. Commits."""
    now = context.clock()
    with transaction(context) as session:
        unheard = exists().where(
            Delivery.message_id == Message.id,
            Delivery.state != DeliveryState.DONE,
            Delivery.endpoint_id == 0,
        )
        old = select(Message.id).where(Message.at < now - KEPT, ~unheard).order_by(Message.at)
        ids = session.scalars(old.limit(FORGOTTEN_AT_ONCE)).all()
        if ids:
            session.execute(delete(Delivery).where(Delivery.message_id.in_(ids)))
            session.execute(delete(Message).where(Message.id.in_(ids)))
        mails = session.scalars(
            select(MailRecord.id).where(MailRecord.at < now - mail_log.KEPT).limit(FORGOTTEN_AT_ONCE)
        ).all()
        if mails:
            session.execute(delete(MailRecord).where(MailRecord.id.in_(mails)))


def forget_secrets(context: Context) -> None:
    """Delete the secrets before the present ones, of endpoints for which their day is over. Commits."""
    over = WebhookEndpoint.old_until <= context.clock()
    with transaction(context) as session:
        ids = session.scalars(select(WebhookEndpoint.id).where(over).with_for_update(skip_locked=True)).all()
        if ids:
            ended = update(WebhookEndpoint).where(WebhookEndpoint.id.in_(ids), over)
            session.execute(ended.values(old_secret=None, old_until=None))


def erase(session: Session, owner: str) -> None:
    """Delete endpoints, alerts, mails and messages of an owner, but for what the host is still to hear."""
    unheard = Delivery.target == Target.RECEIVERS, Delivery.state == DeliveryState.WAITING
    of_owner = Delivery.message_id.in_(select(Message.id).where(Message.owner == owner))
    is_empty = ~exists().where(Delivery.message_id == Message.id)
    for rows in (
        delete(Delivery).where(of_owner, not_(and_(*unheard))),
        delete(Message).where(Message.owner == owner, is_empty),
    ):
        session.execute(rows.execution_options(synchronize_session=False))
    for table in (WebhookEndpoint, MailRecord, Crossing, Alert):
        session.execute(delete(table).where(table.owner == owner))
