"""What of a wallet leaves the books, up to a ``seq``: a pure rule on its rows, and the rows.

Spends leave that nothing has reversed, and holds that have ended, with what they drew. Whatever can come
back stays for good: what came in, what went back, and each key of theirs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, select
from sqlalchemy.orm import Session, aliased

from ..audit.replay.streams import SEALED, MarkRow, entry_row, sealed
from ..audit.scope.proofs import EMPTY, Proof
from ..database.rows import Stretch, Stretches
from ..tables import Draw, Entry, Hold, HoldExtension, Kind
from .place import Leaving, Rows


class FinishedPart(NamedTuple):
    """What leaves of one wallet on a stretch of it, and its mark after that."""

    stretch: Stretch
    rows: Leaving
    mark: MarkRow

    @property
    def spends(self) -> set[int]:
        """The entries that leave, by their ``seq``."""
        return {row["seq"] for row in self.rows[Entry]}


class Rest(NamedTuple):
    """All rows of one wallet on a stretch of it, before it is known which leave.

    ``reversed`` are the spends of which some was given back. ``holds`` end on the stretch; they, and their
    ``extensions``, may have begun before it. The draws of that time stay where they are.
    """

    entries: Rows
    reversed: set[int]
    holds: Rows
    extensions: Rows
    draws: Rows


def parts(
    connection: Connection, proved: Sequence[tuple[Stretch, Proof]], marks: Mapping[int, MarkRow]
) -> Iterator[FinishedPart]:
    """What leaves of each wallet. Those of which nothing does are left out, but for a long stretch.

    :param proved: The wallets' stretches, and what was proved up to the end of each.
    """
    rest = _read(connection, [stretch for stretch, _ in proved])
    for stretch, proof in proved:
        of_wallet = rest(stretch.wallet_id)
        rows = leaving(of_wallet)
        gone = {row["seq"] for row in rows[Entry]}
        stay = [row for row in of_wallet.entries if row["seq"] not in gone]
        before, state = marks.get(stretch.wallet_id), proof.state
        assert state.at is not None, "a wallet begins with an entry"
        mark = MarkRow(
            wallet_id=stretch.wallet_id,
            slot=stretch.slot,
            seq=stretch.upto,
            at=state.at,
            balance=state.balance,
            spends=(before.spends if before else 0) + len(gone),
            credits=(before.credits if before else 0) - sum(row["credits"] for row in rows[Entry]),
            digest=proof.digest,
            kept_digest=_sealed(before.kept_digest if before else EMPTY, stay),
            state=proof.written,
        )
        yield FinishedPart(stretch, rows, mark)


def leaving(rest: Rest) -> Leaving:
    """Which of these rows leave."""
    ended = {row["seq"] for row in rest.holds}
    spends, stay = Rows(), Rows()
    for row in rest.entries:
        if row["kind"] is Kind.SPEND:
            is_finished = row["refers_to_seq"] is None or row["refers_to_seq"] in ended
            goes = is_finished and not row["debt"] and row["seq"] not in rest.reversed
            (spends if goes else stay).append(row)
    staying_holds = {row["refers_to_seq"] for row in stay}
    holds = [row for row in rest.holds if row["seq"] not in staying_holds]
    gone = {row["seq"] for row in holds}
    extensions = [row for row in rest.extensions if row["hold_seq"] in gone]
    events = {row["seq"] for row in (*spends, *holds, *extensions)} | {row["closed_seq"] for row in holds}
    asked_for = [row["seq"] for row in stay if row["refers_to_seq"] is None]
    draws = [row for row in _answering_nothing(rest.draws, asked_for) if row["seq"] in events]
    return {Entry: spends, Hold: holds, HoldExtension: extensions, Draw: draws}


def _answering_nothing(draws: Rows, asked_for: Iterable[int]) -> Iterator[dict[str, Any]]:
    """The draws by which no spend that stays is answered from which lot it took, and no later one.

    A spend without a row took from the lot of the row before it (``Draw.lot_upto``).

    :param draws: In the order of their ``seq`` and lot.
    :param asked_for: The spends that stay, in order.
    """
    spends = iter(asked_for)
    spend = next(spends, None)
    for row, after in pairwise(draws):
        while spend is not None and spend < row["seq"]:
            spend = next(spends, None)
        if spend is None or spend >= after["seq"]:
            yield row


def _sealed(digest: str, rows: Rows) -> str:
    for row in rows:
        digest = sealed(digest, entry_row([row[name] for name in SEALED]))
    return digest


def _read(connection: Connection, stretches: Sequence[Stretch]) -> Callable[[int], Rest]:
    """The rows of some wallets on their stretches, by the wallet."""
    session = Session(connection)
    span, reversal = Stretches(session, stretches), aliased(Entry)
    given_back = (
        select(reversal.seq)
        .where(
            reversal.same_wallet_as(Entry),
            reversal.refers_to_seq == Entry.seq,
            reversal.kind == Kind.REVERSAL,
        )
        .exists()
    )
    entries = select(*Entry.__table__.columns, given_back.label("is_reversed"))
    reversed_of, entries_of = defaultdict[int, set[int]](set), defaultdict[int, Rows](Rows)
    for mapped in session.execute(
        entries.where(span.within(Entry, Entry.seq)).order_by(Entry.wallet_id, Entry.seq)
    ).mappings():
        row = dict(mapped)
        if row.pop("is_reversed"):
            reversed_of[row["wallet_id"]].add(row["seq"])
        entries_of[row["wallet_id"]].append(row)

    def rows_of(model: type[Any], which: ColumnElement[bool]) -> Mapping[int, Rows]:
        rows = defaultdict[int, Rows](Rows)
        wanted = select(model.__table__).where(which).order_by(*model.__table__.primary_key.columns)
        for mapped in session.execute(wanted).mappings():
            rows[mapped["wallet_id"]].append(dict(mapped))
        return rows

    has_ended = span.within(Hold, Hold.closed_seq)
    of_ended = and_(Hold.same_wallet_as(HoldExtension), Hold.seq == HoldExtension.hold_seq, has_ended)
    holds, extensions = rows_of(Hold, has_ended), rows_of(HoldExtension, of_ended)
    draws = rows_of(Draw, span.within(Draw, Draw.seq))
    return lambda wallet_id: Rest(
        entries_of[wallet_id],
        reversed_of[wallet_id],
        holds[wallet_id],
        extensions[wallet_id],
        draws[wallet_id],
    )
