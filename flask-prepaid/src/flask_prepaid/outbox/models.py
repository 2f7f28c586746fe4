"""The tables of what is told, to whom it goes, and what a customer wants to be told."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from prepaid_ledger.database import Base, words

#: SQLite gives a deleted row's id to the next one; a late answer would be noted at a stranger's.
NEW_IDS = {"sqlite_autoincrement": True}


class Target(StrEnum):
    """To whom a message goes: the host's receivers of signals, the customer's mailbox, or their endpoint."""

    RECEIVERS = "receivers"
    MAIL = "mail"
    ENDPOINT = "endpoint"


class DeliveryState(StrEnum):
    """Where a delivery stands.

    ``PAUSED``: its endpoint is off; ``tick`` looks at none of these. ``GIVEN_UP``: it failed for days, or its
    endpoint is gone.
    """

    WAITING = "waiting"
    PAUSED = "paused"
    DONE = "done"
    GIVEN_UP = "given_up"


class OffBecause(StrEnum):
    """Why an endpoint is off: its owner wants it, it failed for days, or it answered 410 Gone."""

    OWNER = "owner"
    FAILED = "failed"
    GONE = "gone"


class AlertKind(StrEnum):
    """What an alert watches: the credits available, a budget, or credits that lapse."""

    BALANCE = "balance"
    BUDGET = "budget"
    LAPSE = "lapse"


class Message(Base):
    """Something to tell, written in the transaction of what it tells.

    ``uid`` is its one id, the same at every repeat. ``signal`` is the signal's name, ``data`` what is sent
    with it, as JSON. Messages of one owner go out in the order of ``id``.
    """

    __tablename__ = "prepaid_message"
    _shown = ("id", "uid", "owner", "signal", "at")
    __table_args__ = (
        UniqueConstraint("uid"),
        Index("ix_prepaid_message_at", "at"),
        Index("ix_prepaid_message_owner", "owner"),
        NEW_IDS,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(40))
    owner: Mapped[str] = mapped_column(String(64))
    signal: Mapped[str] = mapped_column(String(64))
    data: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]


#: The rows that ``tick`` has to look at, and those that an operator has to.
WAITING = "state = 'waiting'"
TO_US = f"{WAITING} AND target <> 'endpoint'"
TO_ENDPOINTS = f"{WAITING} AND target = 'endpoint'"
GIVEN_UP = "state = 'given_up'"


def _index_of(which: str, name: str, *columns: str) -> Index:
    """An index of some rows alone: its size is that of what waits, not of what was ever told."""
    only = text(which)
    return Index(name, *columns, postgresql_where=only, sqlite_where=only)


class Delivery(Base):
    """A message on its way to one target.

    Those of one owner to one target, ``endpoint_id`` included, are a queue: they go one after the other.
    ``next_try_at`` is when it is tried next; whoever tries it moves that ahead first, so that nobody else
    does. ``failing_since`` is when it failed first. ``told_receivers`` names those that have it.
    ``status`` and ``answer`` are those of the last try.
    ``by_hand`` was asked for by the customer, as a test or once more.
    """

    __tablename__ = "prepaid_delivery"
    _shown = ("id", "message_id", "target", "endpoint_id", "state", "tries")
    __table_args__ = (
        ForeignKeyConstraint(["message_id"], ["prepaid_message.id"]),
        _index_of(WAITING, "ix_prepaid_delivery_queue", "owner", "target", "endpoint_id", "id"),
        # An index each: many that wait for endpoints are not gone through to find a receiver's.
        _index_of(TO_US, "ix_prepaid_delivery_due", "next_try_at", "id"),
        _index_of(TO_ENDPOINTS, "ix_prepaid_delivery_due_endpoint", "next_try_at", "id"),
        _index_of(GIVEN_UP, "ix_prepaid_delivery_given_up", "endpoint_id", "id"),
        Index("ix_prepaid_delivery_endpoint_id", "endpoint_id", "id"),
        Index("ix_prepaid_delivery_message_id", "message_id"),
        NEW_IDS,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    message_id: Mapped[int]
    owner: Mapped[str] = mapped_column(String(64))
    target: Mapped[Target] = mapped_column(words(Target))
    endpoint_id: Mapped[int] = mapped_column(default=0)
    state: Mapped[DeliveryState] = mapped_column(words(DeliveryState), default=DeliveryState.WAITING)
    by_hand: Mapped[bool] = mapped_column(default=False)
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime]
    failing_since: Mapped[datetime | None]
    tried_at: Mapped[datetime | None]
    told_receivers: Mapped[str | None] = mapped_column(Text)
    status: Mapped[int | None]
    answer: Mapped[str | None] = mapped_column(String(255))


class WebhookEndpoint(Base):
    """Where a customer wants to be told by a webhook.

    ``secret`` signs what is sent, and ``old_secret`` beside it until ``old_until``; ``events`` are the
    types that are sent, a comma between them, and empty is
    all. ``failing_since`` is when it failed first without an answer of 2xx since.
    """

    __tablename__ = "prepaid_endpoint"
    _shown = ("id", "owner", "url", "off_because")
    __table_args__ = (Index("ix_prepaid_endpoint_owner", "owner"), NEW_IDS)

    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(String(64))
    url: Mapped[str] = mapped_column(String(500))
    secret: Mapped[str] = mapped_column(String(80))
    old_secret: Mapped[str | None] = mapped_column(String(80))
    old_until: Mapped[datetime | None]
    events: Mapped[str] = mapped_column(String(500), default="")
    failing_since: Mapped[datetime | None]
    off_because: Mapped[OffBecause | None] = mapped_column(words(OffBecause))
    created_at: Mapped[datetime]


class MailRecord(Base):
    """A mail that was handed to the host's mailer, failed there, or was withheld. Its text is not kept.

    ``name`` is that of its template, ``error`` the class of what went wrong, or why it was withheld; empty is
    nothing.
    """

    __tablename__ = "prepaid_mail"
    _shown = ("id", "owner", "name", "at", "error")
    __table_args__ = (
        Index("ix_prepaid_mail_owner", "owner", "id"),
        Index("ix_prepaid_mail_at", "at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(String(64))
    address: Mapped[str] = mapped_column(String(255))
    name: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(255))
    error: Mapped[str] = mapped_column(String(120), default="")
    message_uid: Mapped[str | None] = mapped_column(String(40))
    at: Mapped[datetime]


class Alert(Base):
    """A customer wants to be told at a threshold: credits, per cent of a budget, or days before a lapse.

    ``spender`` and ``every`` name the budget; both are empty elsewhere, and ``spender`` for the whole wallet.
    A balance alert of 0 never tells: it stands where a customer wants none in place of the host's.
    """

    __tablename__ = "prepaid_alert"
    _shown = ("id", "owner", "kind", "threshold")
    __table_args__ = (
        UniqueConstraint("owner", "kind", "spender", "every", "threshold"),
        CheckConstraint("threshold >= 0", name="threshold_not_negative"),
        Index("ix_prepaid_alert_kind", "kind"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(String(64))
    kind: Mapped[AlertKind] = mapped_column(words(AlertKind))
    spender: Mapped[str] = mapped_column(String(64), default="")
    every: Mapped[str] = mapped_column(String(8), default="")
    threshold: Mapped[int]
    created_at: Mapped[datetime]


class Crossing(Base):
    """An alert has told its owner, and does not tell it again before that has recovered and this is gone.

    ``alert_id`` 0 is the host's alert for everybody. ``about`` says of what: a balance, a budget, a lot.
    ``until`` is when it is over by itself: as the budget's window, or with the lot.
    """

    __tablename__ = "prepaid_crossing"
    __table_args__ = (Index("ix_prepaid_crossing_owner", "owner"),)

    alert_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    owner: Mapped[str] = mapped_column(String(64), primary_key=True)
    about: Mapped[str] = mapped_column(String(160), primary_key=True)
    until: Mapped[datetime | None]
    at: Mapped[datetime]


class Notice(Base):
    """A notice that a customer has had, and does not get again, such as that a card expires."""

    __tablename__ = "prepaid_notice"

    owner: Mapped[str] = mapped_column(String(64), primary_key=True)
    about: Mapped[str] = mapped_column(String(255), primary_key=True)
    sent_at: Mapped[datetime]
