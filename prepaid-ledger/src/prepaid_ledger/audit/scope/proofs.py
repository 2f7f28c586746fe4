"""What an audit has proved, kept for the next one: each wallet as it stood, and a digest of its entries.

Proofs are best kept outside of the books: whoever changes an old entry would change its proof, too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, Engine, MetaData, SmallInteger, String, Table, Text, select

from ...books.lots.lots import LotState
from ...database.types import BigInt
from ...database.upsert import insert
from .scope import Scope
from .sums import NOTHING, Counted, Sums

METADATA = MetaData()
PROOFS = Table(
    "prepaid_proof",
    METADATA,
    Column("wallet_id", BigInt, primary_key=True, autoincrement=False),
    Column("slot", SmallInteger, nullable=False),
    Column("seq", BigInt, nullable=False),
    Column("digest", String(32), nullable=False),
    Column("row", Text, nullable=False),
    Column("written", Text, nullable=False),
)

#: So long one who reads waits for one who writes, in a file, and the other way round.
PATIENCE_S = 60

#: The digest of no entries.
EMPTY = ""

#: Where the sums stand in what is written of a proof.
SUMS = "sums"


class State(NamedTuple):
    """A wallet after its events up to ``seq``.

    ``lots`` are those with credits, left or held; ``holds`` the credits of each hold that is open. The last
    row of its draws names the lot ``lot_seq``.
    """

    seq: int = 0
    balance: int = 0
    held: int = 0
    debt: int = 0
    at: datetime | None = None
    lots: tuple[LotState, ...] = ()
    holds: Mapping[int, int] = {}
    lot_seq: int | None = None


class Proof(NamedTuple):
    """What was proved of a wallet up to ``seq``: a digest of its entries, and its row then.

    ``written`` are its state, and the sums that were compared beside it, if any were.
    """

    wallet_id: int
    slot: int
    seq: int
    digest: str
    row: str
    written: str

    def is_of(self, owner: str) -> bool:
        """Whether the wallet was this owner's."""
        return self.row.startswith(f"({self.wallet_id}, {self.slot}, {owner!r}, ")

    @property
    def state(self) -> State:
        """The state as it was written down."""
        values: dict[str, Any] = json.loads(self.written)
        values.pop(SUMS, None)
        values["at"] = _time(values["at"])
        values["lots"] = tuple(
            LotState(**{**lot, "expires_at": _time(lot["expires_at"])}) for lot in values["lots"]
        )
        values["holds"] = {int(hold): credits for hold, credits in values["holds"].items()}
        return State(**values)

    @property
    def sums(self) -> Sums:
        """The sums that were compared. A mark of the archive says nothing of them."""
        values = json.loads(self.written).get(SUMS)
        if values is None:
            return NOTHING
        budgets = (
            Counted(spender, every, _time(start), _time(end), spent)
            for spender, every, start, end, spent in values["budgets"]
        )
        return Sums(**{**values, "budgets": tuple(budgets)})


class Proofs:
    """Where proofs are kept: any database. The table is made there if it is missing."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def make(self) -> None:
        METADATA.create_all(self.engine)

    def of(self, scope: Scope) -> dict[int, Proof]:
        """The proofs of some wallets."""
        rows = select(PROOFS).where(scope.has(PROOFS.c.wallet_id, PROOFS.c.slot))
        with self._patiently() as connection:
            return {row.wallet_id: Proof(*row) for row in connection.execute(rows)}

    def keep(self, proofs: Sequence[Proof]) -> None:
        """Keep these in place of earlier ones."""
        if not proofs:
            return
        new = insert(self.engine, PROOFS)
        changed = {name: new.excluded[name] for name in ("slot", "seq", "digest", "row", "written")}
        with self._patiently() as connection:
            connection.execute(
                new.on_conflict_do_update(index_elements=["wallet_id"], set_=changed),
                [proof._asdict() for proof in proofs],
            )

    @contextmanager
    def _patiently(self) -> Iterator[Connection]:
        """A transaction that waits for others on the same file as long as those of many wallets take."""
        if self.engine.dialect.name != "sqlite":
            with self.engine.begin() as connection:
                yield connection
            return
        with self.engine.connect() as connection:
            waits_ms = connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one()
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {PATIENCE_S * 1000}")
            try:
                yield connection
                connection.commit()
            finally:
                connection.rollback()
                connection.exec_driver_sql(f"PRAGMA busy_timeout = {waits_ms}")


def written(state: State, sums: Sums | None = None) -> str:
    """The state as ``Proof.state`` reads it, and the sums as ``Proof.sums`` does."""
    lots = [{**asdict(lot), "expires_at": _text(lot.expires_at)} for lot in state.lots]
    values = {**state._asdict(), "at": _text(state.at), "lots": lots}
    if sums is not None:
        values[SUMS] = sums._asdict()
    return json.dumps(values, default=datetime.isoformat)


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _time(written: str | None) -> datetime | None:
    return None if written is None else datetime.fromisoformat(written)
