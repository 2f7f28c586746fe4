"""What every layer below the pages may know of the app it works for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from prepaid_ledger import Ledger
from prepaid_ledger.clock import Clock

from . import signals, uncommitted
from .catalog import Catalog
from .config import Config
from .gateway.client import Gateway

T = TypeVar("T")

#: What was written to the outbox in a transaction: the rows of deliveries, by owner and target.
Written = Any

#: What was fetched from Stripe, ready to be written: call it in a transaction.
Write = Callable[[], T]


class Outbox(Protocol):
    """Takes what is to be told in the transaction of what it tells, and delivers it after the commit."""

    def write(self, context: Context) -> Written:
        """Write down what waits for the commit of the session."""

    def deliver(self, context: Context, written: Written) -> None:
        """Deliver what was written and committed. ``tick`` tries again what fails; nothing is raised."""

    def deliver_due(self, context: Context) -> int:
        """Deliver all that is due; to how many targets of owners. Commits."""


class Context(Protocol):
    """One app: its database, clock, settings, price list, and its door to Stripe."""

    @property
    def session(self) -> Session:
        """The host's session of this request."""

    @property
    def engine(self) -> Engine: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def config(self) -> Config: ...

    @property
    def gateway(self) -> Gateway: ...

    @property
    def catalog(self) -> Catalog: ...

    @property
    def reader_language(self) -> str | None:
        """The language of this request's customer; ``None`` in a command, or where one is offered."""

    @property
    def address(self) -> str | None:
        """The network address of the customer's browser; ``None`` in a command."""

    @property
    def ledger(self) -> Ledger:
        """The books, on the host's session."""

    @property
    def outbox(self) -> Outbox:
        """What is told to the host and to customers."""

    def email_of(self, owner: str) -> str | None:
        """The owner's address, if the host has said how to find it and knows one."""

    def language_of(self, owner: str | None) -> str | None:
        """The language that the host says this owner has chosen, if it is one that is offered."""

    def is_blocked(self, owner: str) -> bool:
        """Whether the host has shut the owner out: nothing charges them by itself then."""

    def may_try(self, owner: str) -> bool:
        """Whether the host lets the owner try a plan free, if they have not done so before."""


_OPEN = "prepaid_transaction"


@contextmanager
def transaction(context: Context, *, with_hosts: bool = False) -> Iterator[Session]:
    """The host's session for one short transaction: its signals are committed with it, and sent then.

    An exception rolls it back, with its signals. Views, commands, the inbox and the verbs
    that say so commit, all of them here; what they call writes only. Ask Stripe and the host's functions
    outside of it: no connection and no lock waits for an answer. What the host has left in the session is
    committed first; a verb of which that is not expected calls ``refuse_uncommitted`` before.

    :param with_hosts: What the host has left in the session is committed together with this, or neither is.
    :raises RuntimeError: It is called inside of another transaction.
    """
    session = _unopened(context) if with_hosts else _committed(context)
    session.info[_OPEN] = True
    try:
        yield session
        written = context.outbox.write(context)
        session.commit()
    except BaseException:
        signals.take_waiting(session)
        session.rollback()
        raise
    finally:
        del session.info[_OPEN]
    context.outbox.deliver(context, written)


@contextmanager
def reading(context: Context) -> Iterator[Session]:
    """The host's session for what is read before Stripe is asked: its connection is given back at the end.

    The database gives it back by a commit, which commits what the host has left in the session, too.

    :raises RuntimeError: It is called inside of a transaction.
    """
    session = _committed(context)
    yield session
    _commit_what_is_open(session)


@contextmanager
def apart(engine: Engine) -> Iterator[Session]:
    """A short transaction on a connection of its own, beside whatever the host's session does.

    It commits at the end; an exception rolls it back. On SQLite, which has one writer at a time, it waits for
    what the host's session has written and not committed.
    """
    with Session(engine) as session:
        yield session
        session.commit()


def _unopened(context: Context) -> Session:
    session = context.session
    if _OPEN in session.info:
        raise RuntimeError("This commits by itself: call it after the transaction() that is open, not in it.")
    return session


def _committed(context: Context) -> Session:
    session = _unopened(context)
    _commit_what_is_open(session)
    return session


def _commit_what_is_open(session: Session) -> None:
    if session.in_transaction():  # a commit of nothing costs a call that sells a tenth of its time
        session.commit()


def refuse_uncommitted(context: Context) -> None:
    """Begin a verb that commits by itself and asks Stripe: it does not commit half of the host's work.

    :raises RuntimeError: The session holds work of the host's.
    """
    session = context.session
    if session.new or session.dirty or session.deleted or uncommitted.has_written(session):
        raise RuntimeError("Commit or roll back your own work before you call Prepaid: it commits by itself.")


def write_now(context: Context, write: Write[T]) -> T:
    """Write what was fetched, in a transaction of its own."""
    with transaction(context):
        return write()


def nothing() -> None:
    """There is nothing to write."""
