"""Transactions that count one after the other."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session


def take_turns(session: Session, *names: str) -> None:
    """Have transactions that give the same name wait for each other, until each ends.

    On SQLite a transaction has its turn from its first write on, and this does nothing.

    :param names: What is counted, and whose: ``prepaid_code:user:1``.
    """
    if session.get_bind().dialect.name == "postgresql":
        for name in sorted(names):  # in one order, so that two never wait for each other
            session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name})
