"""A call that sells: what is asked for, what it costs, and the one row that is sold."""

from __future__ import annotations

import hashlib
import secrets
import string
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar, cast

from sqlalchemy import Engine, Insert, Table, select
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from prepaid_ledger.tables import Entry, Wallet

from .. import checks
from ..errors import ConfigError, IdempotencyConflict
from ..keys.caller import Caller

Ask = TypeVar("Ask")

LETTERS = string.digits + string.ascii_lowercase

#: The values of a row by the names of its columns.
Row = Mapping[str, Any]


def nothing_asked(args: MultiDict[str, str]) -> Any:
    """What a call asks for that takes no parameters."""
    return None


@dataclass(frozen=True)
class Sale(Generic[Ask]):
    """What a call sells: credits go and your row comes in one commit, or neither.

    :param insert: Your INSERT, such as ``insert(Roll)``, with no more to it.
    :param row: Makes the row of a caller who asks for something: the values of its columns, but for ``id``
        and ``at``.
        It is called outside of any app, and must not ask the database.
    :param answer: Makes the fields of the answer from the row, and the credits that are left.
    :param read: Reads what is asked for from the query, as ``request.args`` has it. It gives the same for the
        same query, and what it gives says all in its ``repr``, as a tuple or a dataclass does. What it
        raises, your app answers.
    :param credits: What one call costs: a whole number from 1 on, or a function of what is asked for.
    :param name: Tells one sale from another: an ``Idempotency-Key`` of one does not meet those of another.
    :param id: The column that gets the sale's id, 17 digits and small letters that sort by time. The ledger's
        key of the spend is the same. It is of the primary key, all of which ``row`` makes.
    :param at: The column that gets the time of the sale, if there is one: by the clock of the books, so that
        the row and its entry are of one day.
    :param item: What is bought, for ``usage``.
    :raises ConfigError: One of them is none that a sale can have.
    """

    insert: Insert
    row: Callable[[Caller, Ask], dict[str, Any]]
    answer: Callable[[Row, int], dict[str, Any]]
    read: Callable[[MultiDict[str, str]], Ask] = nothing_asked
    credits: int | Callable[[Ask], int] = 1
    name: str = "call"
    id: str = "id"
    at: str | None = None
    item: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.insert, Insert):
            checks.refuse("Sale(insert=...)", self.insert, "Give it SQLAlchemy's insert(Model).")
        if self.id not in self.table.primary_key.columns:
            raise ConfigError(
                f"Sale(id={self.id!r}) is no column of the primary key of {self.table}. The sale's id, a "
                "text of 17 characters, finds the row again."
            )
        if self.at is not None and self.at not in self.table.columns:
            raise ConfigError(f"Sale(at={self.at!r}) is no column of {self.table}.")
        if not callable(self.credits):
            checks.whole("Sale(credits=...)", self.credits, min=1, max=checks.MAX_CREDITS)
        checks.slug("Sale(name=...)", self.name)
        checks.function("Sale(row=...)", self.row, "caller", "ask")
        checks.function("Sale(answer=...)", self.answer, "row", "balance")
        checks.function("Sale(read=...)", self.read, "query")
        if callable(self.credits):
            checks.function("Sale(credits=...)", self.credits, "ask")

    @property
    def table(self) -> Table:
        """Where the rows go; a bare one, though the INSERT may name a model."""
        table = cast(Table, self.insert.table)
        return table.metadata.tables[table.key]

    def price(self, ask: Ask) -> int:
        """The credits that one call costs."""
        return self.credits(ask) if callable(self.credits) else self.credits

    def digest(self, ask: Ask) -> str:
        """Tells two requests under one name apart."""
        return hashlib.sha256(f"{self.name}:{ask!r}".encode()).hexdigest()[:32]

    def begin(self, caller: Caller, ask: Ask, id: str, at: datetime) -> tuple[dict[str, Any], dict[str, Any]]:
        """The row, and the terms of the spend that pays for it."""
        values = {**self.row(caller, ask), self.id: id}
        if self.at is not None:
            values[self.at] = at
        return values, {
            "credits": self.price(ask),
            "key": id,
            "work": self.insert,
            "values": values,
            "spender": caller.spender,
            "item": self.item,
        }

    def first(self, engine: Engine, owner: str, values: Row) -> tuple[Row, int] | None:
        """The row that was sold before under the id of ``values``, and the balance then; else ``None``.

        :raises IdempotencyConflict: It was sold, and the host has deleted the row.
        """
        paid = select(Entry.balance_after).join(Wallet, Entry.of(Wallet))
        paid = paid.where(Wallet.owned_by(owner), Entry.key == values[self.id])
        same = (column == values[column.name] for column in self.table.primary_key.columns)
        with Session(engine) as session:
            balance = session.scalar(paid)
            if balance is None:
                return None
            row = session.execute(select(self.table).where(*same)).mappings().one_or_none()
        if row is None:
            raise IdempotencyConflict("This was sold before, and is not kept any more.")
        return dict(row), balance


def new_id() -> str:
    """17 digits and small letters: milliseconds first, so that ids sort by time, then 45 bits by chance.

    Two sales of one wallet must differ, and others may be alike. An id stands in four places on the disk, and
    one character more would make each row of the ledger's index of keys 8 bytes longer.
    """
    rest = time.time_ns() // 1_000_000 << 45 | secrets.randbits(45)
    letters = []
    for _ in range(17):
        rest, letter = divmod(rest, 36)
        letters.append(LETTERS[letter])
    return "".join(reversed(letters))
