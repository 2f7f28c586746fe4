"""The way of finished spends from the books to the archive: proved, kept there, read back, and removed.

Each wallet goes on from its mark by some thousand events at a time. What is removed stands in the archive
before, so that a kill at any point loses nothing: the next run keeps the same rows once more, and removes
them. Spends go on meanwhile: a wallet is locked only while its rows are removed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar, cast

from sqlalchemy import (
    Connection,
    CursorResult,
    Engine,
    Row,
    and_,
    case,
    delete,
    func,
    insert,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.orm import Session

from ..audit.replay.replay import Before, Totals, WalletReplay
from ..audit.replay.streams import Tables, marks
from ..audit.scope.problem import Problem
from ..audit.scope.proofs import Proof
from ..audit.scope.scope import Moved
from ..audit.scope.snapshots import from_snapshot
from ..books import sweep, usage_sums
from ..checks import check_time
from ..clock import Clock
from ..database.rows import Stretch, Stretches, with_keys
from ..database.transactions import commit_alone
from ..errors import Busy
from ..tables import ArchiveMark, Draw, Entry, Hold, HoldExtension, Kind, UsageMark, Wallet
from .finished import FinishedPart, parts
from .place import Archive

Item = TypeVar("Item")

#: Thirteen months: a key that was used longer ago may be used anew.
MIN_AGE = timedelta(days=396)

#: Wallets that are looked at together, and events that go together: so long their wallets are locked.
WALLETS = 500
EVENTS = 5_000

#: What a stretch may end with, by its number and its time: an entry, or the end of a hold.
ENDS: tuple[tuple[type[Any], Any, Any], ...] = (
    (Entry, Entry.seq, Entry.at),
    (Hold, Hold.closed_seq, Hold.closed_at),
)


@dataclass
class Archived:
    """What was moved to the archive.

    So many ``spends`` of so many ``wallets``, captures among them, that took ``credits`` together, and
    ``holds`` that have ended. ``busy`` wallets were locked by others for too long, and are left to the next
    run. ``problems`` are what an audit would name: those wallets are left as they are.
    """

    wallets: int = 0
    spends: int = 0
    credits: int = 0
    holds: int = 0
    busy: int = 0
    problems: list[Problem] = field(default_factory=list)


def archive(
    books: Engine,
    place: Archive,
    before: datetime,
    *,
    counted: Sequence[type[Any]],
    clock: Clock,
    seen: Callable[[int], None],
) -> Archived:
    """Move finished spends that are older than ``before`` from the books to the archive.

    :param counted: Tables beside the ledger's with ``wallet_id``, ``slot`` and ``seq``: up to where each
        wallet's entries were counted. What is not counted yet stays.
    :param seen: Called after each commit with how many spends and holds have left with it.
    :raises ValueError: The time has no zone, or is less than thirteen months ago.
    """
    check_time("before", before)
    latest = clock() - MIN_AGE
    if before > latest:
        raise ValueError(
            f"before is {before:%Y-%m-%d %H:%M %Z}. The keys of the last 13 months are kept, so that nothing "
            f"is charged twice: write {latest:%Y-%m-%d} or earlier."
        )
    place.make()
    archived = Archived()
    moved = set[int]()
    for wallets in _pages(books, before):
        busy = _bring_up(books, wallets, clock)
        archived.busy += len(busy)
        ids = [wallet.id for wallet in wallets if wallet.id not in busy]
        while ids:
            stretches = _stretches(books, ids, before, counted)
            ids = []
            for batch in _batches(stretches):
                left = _move(books, place, batch, archived)
                for part in left:
                    archived.spends += len(part.rows[Entry])
                    archived.credits -= sum(row["credits"] for row in part.rows[Entry])
                    archived.holds += len(part.rows[Hold])
                    ids.append(part.stretch.wallet_id)
                seen(sum(len(part.rows[Entry]) + len(part.rows[Hold]) for part in left))
            moved.update(ids)
    archived.wallets = len(moved)
    return archived


def _pages(books: Engine, before: datetime) -> Iterator[Sequence[Row[*tuple[Any, ...]]]]:
    """The wallets with something after their mark that is old enough, by their ids."""
    mark = func.coalesce(ArchiveMark.seq, 0)
    firsts = (
        select(at).where(row.of(Wallet), seq > mark).order_by(seq).limit(1).correlate(Wallet, ArchiveMark)
        for row, seq, at in ENDS
    )
    wanted = (
        select(
            Wallet.id, Wallet.slot, Wallet.owner, Wallet.seq, Wallet.drawn_seq, UsageMark.seq.label("summed")
        )
        .outerjoin(ArchiveMark, ArchiveMark.of(Wallet))
        .outerjoin(UsageMark, UsageMark.of(Wallet))
        .where(or_(*(first.scalar_subquery() < before for first in firsts)))
        .order_by(Wallet.id)
        .limit(WALLETS)
    )
    after = 0
    while True:
        with Session(books) as session:
            page = session.execute(wanted.where(Wallet.id > after)).all()
        if not page:
            return
        yield page
        after = page[-1].id


def _bring_up(books: Engine, wallets: Sequence[Row[*tuple[Any, ...]]], clock: Clock) -> set[int]:
    """Draw the lots of these wallets, and add up their usage: what leaves is asked for no more.

    :return: The wallets that others kept locked for too long, by their ids.
    """
    undrawn = {wallet.owner: wallet.id for wallet in wallets if wallet.drawn_seq < wallet.seq}
    locked = _locked(lambda owners: sweep.bring_up_to_date(books, owners, clock), [*undrawn])
    busy = {undrawn[owner] for owner in locked}
    behind = [
        Stretch(wallet.id, wallet.slot, wallet.summed or 0, wallet.seq)
        for wallet in wallets
        if (wallet.summed or 0) < wallet.seq and wallet.id not in busy
    ]
    for first in range(0, len(behind), usage_sums.TOGETHER):
        some = behind[first : first + usage_sums.TOGETHER]
        busy |= {stretch.wallet_id for stretch in _locked(partial(_add_up, books), some)}
    return busy


def _add_up(books: Engine, stretches: Sequence[Stretch]) -> None:
    commit_alone(books, partial(usage_sums.bring_up_together, stretches=stretches))


def _locked(do: Callable[[list[Item]], object], items: list[Item]) -> list[Item]:
    """Do something with all of these, or with each alone where others keep some locked; return those."""
    try:
        do(items)
    except Busy:
        return items if len(items) == 1 else [item for item in items if _locked(do, [item])]
    return []


def _stretches(
    books: Engine, ids: Sequence[int], before: datetime, counted: Sequence[type[Any]]
) -> list[Stretch]:
    """How far each wallet can go on: to what is old enough, drawn, and counted by whoever counts.

    ``EVENTS`` of them, to the next entry or end of a hold; where no such thing follows, to the last one.
    """
    mark = func.coalesce(ArchiveMark.seq, 0)
    counters: list[Any] = [UsageMark, *counted]
    limits = [Wallet.drawn_seq, *(func.coalesce(counter.seq, 0) for counter in counters)]
    nexts, lasts = list[Any](), list[Any]()
    for row, seq, at in ENDS:
        its, is_fit = row.of(Wallet), and_(at < before, *(seq <= limit for limit in limits))
        # The first one alone is looked at: where it is too young, so are all that come after it.
        nexts.append(select(case((is_fit, seq))).where(its, seq >= mark + EVENTS).order_by(seq).limit(1))
        lasts.append(select(func.max(seq)).where(its, seq > mark, seq < mark + EVENTS, is_fit))
    ends = (end.correlate(Wallet, ArchiveMark, *counters).scalar_subquery() for end in (*nexts, *lasts))
    wanted = select(Wallet.id, Wallet.slot, mark, *ends).select_from(Wallet)
    for marks_of in (ArchiveMark, *counters):
        wanted = wanted.outerjoin(marks_of, marks_of.of(Wallet))
    with Session(books) as session:
        rows = session.execute(wanted.where(Wallet.id.in_(ids)).order_by(Wallet.id)).all()
    far = len(nexts) + 3
    uptos = ((*row[:3], _earliest(row[3:far]) or _latest(row[far:])) for row in rows)
    return [Stretch(*row) for row in uptos if row[3] is not None]


def _earliest(seqs: Iterable[int | None]) -> int | None:
    return min(filter(None, seqs), default=None)


def _latest(seqs: Iterable[int | None]) -> int | None:
    return max(filter(None, seqs), default=None)


def _batches(stretches: Sequence[Stretch]) -> Iterator[list[Stretch]]:
    batch, events = list[Stretch](), 0
    for stretch in stretches:
        batch.append(stretch)
        events += stretch.upto - stretch.after
        if events >= EVENTS:
            yield batch
            batch, events = [], 0
    if batch:
        yield batch


def _move(
    books: Engine, place: Archive, stretches: Sequence[Stretch], archived: Archived
) -> list[FinishedPart]:
    """Prove these stretches, keep what leaves, and remove it from the books; what has left."""
    ready, problems = from_snapshot(books, partial(_prove, stretches=stretches))
    archived.problems += problems
    if not ready:
        return []
    place.keep([part.rows for part in ready])
    lacking = place.lacks([part.rows for part in ready])
    for wallet_id in sorted(lacking):
        there = (
            f"the archive has other rows of wallet {wallet_id} than the books; they stay in the books until "
            "another archive is named for them, such as a new file"
        )
        archived.problems.append(Problem("I16", None, there))
    ready = [part for part in ready if part.stretch.wallet_id not in lacking]
    try:
        return commit_alone(books, partial(_remove, ready=ready)) if ready else []
    except Busy:
        return [part for alone in ready for part in _remove_alone(books, alone, archived)]


def _remove_alone(books: Engine, part: FinishedPart, archived: Archived) -> list[FinishedPart]:
    try:
        return commit_alone(books, partial(_remove, ready=[part]))
    except Busy:
        archived.busy += 1
        return []


def _prove(connection: Connection, stretches: Sequence[Stretch]) -> tuple[list[FinishedPart], list[Problem]]:
    """Play these stretches; what leaves of those on which all is right, and what is off on the others."""
    which, ends = Moved(connection, stretches), {each.wallet_id: each for each in stretches}
    earlier = {mark.wallet_id: mark for mark in marks(connection, which)}
    tables = Tables(connection, which)
    before = Before(connection, {id: mark.proof for id, mark in earlier.items()})
    proved, off = list[tuple[Stretch, Proof]](), list[Problem]()
    for account in tables.accounts:
        _pass_over(tables, account.id)
        stretch, totals = ends[account.id], Totals()
        if (earlier[account.id].seq if account.id in earlier else 0) != stretch.after:
            continue  # another run was quicker
        wallet = WalletReplay(tables, account._replace(drawn_seq=stretch.upto), totals, seals=True)
        problems = list[Problem]()
        if account.id in earlier:
            problems += wallet.go_on(earlier[account.id].proof, *before.of(account.id))
        problems += wallet.play()
        if problems:
            off += problems
        else:
            proved.append((stretch, totals.proofs[0]))
    _pass_over(tables, None)
    leave = parts(connection, proved, earlier) if proved else ()
    # A long stretch is passed even where all of it stays: what comes after it may leave.
    ready = [
        part for part in leave if any(part.rows.values()) or part.stretch.upto - part.stretch.after >= EVENTS
    ]
    return ready, off


def _pass_over(tables: Tables, wallet_id: int | None) -> None:
    """Read on to a wallet, or to the end: a replay up to a point leaves rows of the wallet before."""
    for _ in tables.strays(wallet_id):
        pass


def _remove(session: Session, ready: Sequence[FinishedPart]) -> list[FinishedPart]:
    """Move the marks of these wallets, and remove what is in the archive; of which it was done.

    Not of a wallet that another run has moved meanwhile, or of which a spend was reversed: it stays.
    """
    stretches = [part.stretch for part in ready]
    _lock(session, stretches)
    span = Stretches(session, stretches)
    rows = session.execute(select(ArchiveMark.wallet_id, ArchiveMark.seq).where(span.has(ArchiveMark)))
    stands: dict[int, int] = {row.wallet_id: row.seq for row in rows}
    reversals = select(Entry.wallet_id, Entry.refers_to_seq).where(
        span.within(Entry, Entry.refers_to_seq), Entry.kind == Kind.REVERSAL
    )
    given_back = {tuple(row) for row in session.execute(reversals)}
    kept = [
        part
        for part in ready
        if stands.get(part.stretch.wallet_id, 0) == part.stretch.after
        and not any((part.stretch.wallet_id, seq) in given_back for seq in part.spends)
    ]
    went_on = [part.mark._asdict() for part in kept if part.stretch.after]
    if went_on:
        session.execute(update(ArchiveMark), went_on)
    first = [part.mark._asdict() for part in kept if not part.stretch.after]
    if first:
        session.execute(insert(ArchiveMark), first)
    for model in (Draw, HoldExtension, Hold, Entry):
        _delete(session, model, [row for part in kept for row in part.rows[model]])
    return kept


def _lock(session: Session, stretches: Sequence[Stretch]) -> None:
    """Keep every other writer off these wallets until the transaction ends; on SQLite, off all."""
    keys = [(each.wallet_id, each.slot) for each in stretches]
    theirs = tuple_(Wallet.id, Wallet.slot).in_(keys)
    if session.get_bind().dialect.name == "sqlite":
        session.execute(update(Wallet).where(theirs).values(seq=Wallet.seq))
    else:
        session.execute(select(Wallet.id).where(theirs).order_by(Wallet.id).with_for_update(key_share=True))


def _delete(session: Session, model: type[Any], rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        return
    these = delete(model).where(with_keys(session, model, rows))
    gone = session.execute(these.execution_options(synchronize_session=False))
    count = cast("CursorResult[Any]", gone).rowcount
    assert count == len(rows), f"{len(rows)} rows of {model.__tablename__} leave, {count} were there"
