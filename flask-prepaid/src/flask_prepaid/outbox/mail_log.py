"""Which mail went to whom, and when: for operators. Texts are not kept, so no link of theirs is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from .models import MailRecord

#: For how long it is known which mail went out.
KEPT = timedelta(days=365)


@dataclass(frozen=True)
class SentMail:
    """A mail that was handed to the mailer, or failed there. ``name`` says which: that of its template.

    ``withheld`` is why it was not to be sent, for operators; empty where it was.
    """

    address: str
    name: str
    subject: str
    error: Exception | None = None
    withheld: str = ""


def note(session: Session, owner: str, sent: SentMail, *, uid: str | None, now: datetime) -> None:
    """Write down that a mail was handed to the mailer, failed, or was not to be sent; not its text."""
    session.add(
        MailRecord(
            owner=owner,
            address=sent.address[:255],
            name=sent.name[:64],
            subject=sent.subject[:255],
            error=sent.withheld or ("" if sent.error is None else type(sent.error).__name__[:120]),
            message_uid=uid,
            at=now,
        )
    )


def of(session: Session, owner: str, *, text: str = "", limit: int = 50) -> Sequence[MailRecord]:
    """The owner's mails, the latest first.

    :param text: Only those that have it in address, name or subject, in capitals or not.
    """
    mine = select(MailRecord).where(MailRecord.owner == owner)
    if text:
        columns = (MailRecord.address, MailRecord.name, MailRecord.subject)
        mine = mine.where(or_(*(column.icontains(text, autoescape=True) for column in columns)))
    return session.scalars(mine.order_by(MailRecord.id.desc()).limit(limit)).all()
