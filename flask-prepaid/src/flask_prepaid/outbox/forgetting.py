"""What was told is kept for some weeks, and a customer who is removed leaves nothing of it."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import and_, delete, exists, not_, select
from sqlalchemy.orm import Session

from ..context import Context, transaction
from . import mail_log
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

#: For how long messages are kept, with what came of each. One that still waits stays as long as that, too.
KEPT = timedelta(days=30)

#: How many rows one tick deletes.
AT_ONCE = 500


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
        ids = session.scalars(old.limit(AT_ONCE)).all()
        if ids:
            session.execute(delete(Delivery).where(Delivery.message_id.in_(ids)))
            session.execute(delete(Message).where(Message.id.in_(ids)))
        mails = session.scalars(
            select(MailRecord.id).where(MailRecord.at < now - mail_log.KEPT).limit(AT_ONCE)
        ).all()
        if mails:
            session.execute(delete(MailRecord).where(MailRecord.id.in_(mails)))


def erase(session: Session, owner: str) -> None:
    """Delete endpoints, alerts, mails and messages of an owner, but for what the host is still to hear."""
    unheard = Delivery.target == Target.RECEIVERS, Delivery.state == DeliveryState.WAITING
    session.execute(delete(Delivery).where(Delivery.owner == owner, not_(and_(*unheard))))
    is_empty = ~exists().where(Delivery.message_id == Message.id)
    session.execute(
        delete(Message).where(Message.owner == owner, is_empty).execution_options(synchronize_session=False)
    )
    for table in (WebhookEndpoint, MailRecord, Crossing, Alert):
        session.execute(delete(table).where(table.owner == owner))
