"""All that has happened, played again wallet by wallet: what the audit compares the tables with."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import merge
from operator import attrgetter

from sqlalchemy import Connection, select

from ...books.allowances import MOVABLE
from ...books.lots.lot_store import LIVE, LOT
from ...books.lots.lots import Closed, EntryRow, Event, Extended, LotState, Opened
from ...checks import OWN_KEYS
from ...clock import Clock
from ...database.rows import Stretch
from ...slots import slot_of
from ...tables import Hold, Kind, Lot
from ..scope.problem import Problem
from ..scope.proofs import EMPTY, Proof, State, written
from ..scope.scope import Moved, Which
from ..scope.sums import Sums, sums_now
from .lots_replay import LotsReplay
from .streams import Account, Cell, MarkRow, SealedRow, Tables, sealed

#: By so much the clock of a machine that writes may be ahead of that of the audit.
SKEW = timedelta(minutes=5)

#: After so many events, used-up lots are let go of.
TIDY = 5_000


@dataclass
class Totals:
    """What was played: by how much balances and kinds of entries moved, and what is proved by it.

    ``archived`` are the sums of usage of the entries that are in the books no more.
    """

    balances: int = 0
    kinds: Counter[Kind] = field(default_factory=Counter)
    wallets: int = 0
    entries: int = 0
    proofs: list[Proof] = field(default_factory=list)
    archived: dict[Cell, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))


def replay(
    connection: Connection,
    which: Which,
    totals: Totals,
    earlier: Mapping[int, Proof],
    *,
    clock: Clock,
    seals: bool,
    archives: Sequence[Connection] = (),
) -> Iterator[Problem]:
    """Everything that is off in a wallet, or belongs to none.

    :param totals: Filled with what was played.
    :param earlier: Earlier proofs, by wallet. ``Moved`` wallets go on from them, others are compared.
    :param clock: The ledger's.
    :param seals: Whether what is proved is kept.
    :param archives: Where finished spends lie that left the books. Without them a wallet of which some left
        is played from the archive's mark on.
    """
    tables = Tables(connection, which, archives)
    before = Before(connection, earlier) if isinstance(which, Moved) else None
    sums = sums_now(connection, which) if seals else {}
    for account in tables.accounts:
        yield from tables.strays(account.id)
        wallet = WalletReplay(tables, account, totals, seals=seals)
        wallet.sums = sums.get(account.id)
        mark = next(iter([*tables.marks.of(account.id)]), None)
        if before is not None:
            if account.id in earlier:
                yield from wallet.go_on(earlier[account.id], *before.of(account.id))
        else:
            wallet.known, wallet.mark = earlier.get(account.id), mark
            if mark is not None and not archives:
                yield from wallet.go_on_from_mark(mark)
        yield from wallet.problems()
        yield from _ahead(account, wallet.at, clock)
    yield from tables.strays(None)


def _ahead(account: Account, last: datetime | None, clock: Clock) -> Iterator[Problem]:
    """To set a budget moves a wallet without an event. What ends by the time of its last move ends now."""
    if (last is None or account.moved_at > last) and account.moved_at > clock() + SKEW:
        yield Problem("I4", account.owner, f"the wallet has moved at {account.moved_at}, which is to come")


class Before:
    """What is stored now of what came before the proofs: lots with credits, and holds that were open."""

    def __init__(self, connection: Connection, proofs: Mapping[int, Proof]) -> None:
        self.lots = defaultdict[int, list[LotState]](list)
        self.holds = defaultdict[int, dict[int, int]](dict)
        proved = [Stretch(proof.wallet_id, proof.slot, 0, proof.seq) for proof in proofs.values()]
        if proved:
            live = Moved(connection, proved).each(select(Lot.wallet_id, *LOT).where(LIVE), Lot)
            for wallet_id, *lot in connection.execute(live):
                self.lots[wallet_id].append(LotState(*lot))
        for proof in proofs.values():
            opened = proof.state.holds
            if opened:
                its = (Hold.wallet_id == proof.wallet_id, Hold.slot == proof.slot, Hold.seq.in_(opened))
                holds = connection.execute(select(Hold.seq, Hold.credits).where(*its))
                self.holds[proof.wallet_id] = {row.seq: row.credits for row in holds}

    def of(self, wallet_id: int) -> tuple[list[LotState], Mapping[int, int]]:
        """The lots of one wallet, and the credits that its holds have by now."""
        return self.lots[wallet_id], self.holds[wallet_id]


class WalletReplay:
    """One wallet, from its first event or from what was proved of it to its last."""

    def __init__(self, tables: Tables, account: Account, totals: Totals, *, seals: bool) -> None:
        self.tables = tables
        self.account = account
        self.totals = totals
        self.seals = seals
        self.lots = LotsReplay(tables, account)
        self.seq = self.total = self.balance = self.held = self.debt = 0
        self.at: datetime | None = None
        self.to_grow: dict[int, int] = {}
        self.holds: dict[int, int] = {}
        self.capture: EntryRow | None = None
        self.digest = EMPTY
        self.known: Proof | None = None
        self.mark: MarkRow | None = None
        self.sums: Sums | None = None
        totals.wallets += 1
        totals.balances += account.balance

    def go_on_from_mark(self, mark: MarkRow) -> Iterator[Problem]:
        """Begin where the archive ends. What it left in the books of that time is compared as a whole."""
        tables, wallet_id, digest = self.tables, self.account.id, EMPTY
        for entry in tables.entries.upto(wallet_id, mark.seq):
            digest = sealed(digest, entry)
        if digest != mark.kept_digest:
            changed = f"an entry up to {mark.seq}, which is not in the archive, was changed, or is gone"
            yield self._off("I6", changed)
        opened = {hold.seq: hold.credits + hold.more for hold in tables.opened.upto(wallet_id, mark.seq)}
        for past in (tables.extended.upto(wallet_id, mark.seq), tables.closed.upto(wallet_id, mark.seq)):
            for _ in past:
                pass
        yield from self.go_on(mark.proof, self.lots.stored_upto(mark.seq), opened)
        self.mark = None
        if self.known is not None and self.known.seq < mark.seq:
            self.known = None  # what was proved then is in the archive

    def go_on(self, proof: Proof, lots: Sequence[LotState], opened: Mapping[int, int]) -> Iterator[Problem]:
        """Begin after what was proved. What is stored of that time is compared where it may still change.

        :param lots: The lots of that time, as they are stored now.
        :param opened: The credits that the holds of that time have by now.
        """
        state = proof.state
        self.seq, self.at, self.digest = state.seq, state.at, proof.digest
        self.total = self.balance = state.balance
        self.held, self.debt = state.held, state.debt
        self.totals.balances -= state.balance
        self.lots.go_on(state, lots)
        self.holds = dict(state.holds)
        for seq, credits in state.holds.items():
            now = opened.get(seq)
            if now is None:
                yield self._off("I7", f"hold {seq} was open, and is gone")
            else:
                self.to_grow[seq] = now - credits

    def problems(self) -> Iterator[Problem]:
        """Everything that is off in this wallet."""
        yield from self.play()
        yield from self._check_account()
        yield from self.lots.problems()

    def play(self) -> Iterator[Problem]:
        """What is off in the events, one by one."""
        tables, wallet_id = self.tables, self.account.id
        events: Iterator[Event] = merge(
            tables.entries.of(wallet_id),
            tables.opened.of(wallet_id),
            tables.extended.of(wallet_id),
            tables.closed.of(wallet_id),
            key=attrgetter("seq"),
        )
        for count, event in enumerate(events, 1):
            if not self.lots.are_noted and event.seq > self.account.drawn_seq:
                self._note_drawn_lots()
            if self.known is not None and event.seq > self.known.seq:
                yield from self._check_digest(self.known)
            if self.mark is not None and event.seq > self.mark.seq:
                yield from self._check_mark(self.mark)
            yield from self._check_wallet(event)
            yield from self.lots.draw(event)
            if count % TIDY == 0:
                self.lots.tidy()
        if not self.lots.are_noted:
            self._note_drawn_lots()
        if self.known is not None:
            yield from self._check_digest(self.known)
        if self.mark is not None:
            yield from self._check_mark(self.mark)

    def _off(self, invariant: str, message: str) -> Problem:
        return Problem(invariant, self.account.owner, message)

    def _check_wallet(self, event: Event) -> Iterator[Problem]:
        """What concerns the wallet as a whole."""
        if not isinstance(event, Closed):
            yield from self._next_seq(event.seq)
        if self.at is not None and event.at < self.at:
            yield self._off("I4", f"entry {event.seq} is dated before the one that it follows")
        self.at = event.at
        if isinstance(event, Closed):
            yield from self._close(event)
            return
        if isinstance(event, Opened):
            self.held += event.credits
            self.to_grow[event.seq] = event.more
            self.holds[event.seq] = event.credits
        elif isinstance(event, Extended):
            yield from self._extend(event)
        else:
            assert isinstance(event, SealedRow), "the entries are read so"
            yield from self._post(event)
        if not 0 <= self.held <= self.balance or self.debt < 0:
            yield self._off(
                "I5", f"after {event.seq}: balance {self.balance}, held {self.held}, debt {self.debt}"
            )

    def _next_seq(self, seq: int) -> Iterator[Problem]:
        if self.capture is not None:
            yield self._off("I7", f"entry {self.capture.seq} captures a hold that it did not end")
            self.capture = None
        if seq != self.seq + 1:
            yield self._off("I4", f"seq goes from {self.seq} to {seq}")
        self.seq = seq

    def _post(self, entry: SealedRow) -> Iterator[Problem]:
        if self.seals or self.known is not None or self.mark is not None:
            self.digest = sealed(self.digest, entry)
        if entry.is_archived:
            self.totals.archived[entry.cell(self.account.id)].update(credits=-entry.credits, calls=1)
        self.totals.entries += 1
        self.totals.kinds[entry.kind] += entry.credits
        self.total += entry.credits
        self.debt += entry.debt
        self.balance += entry.credits
        if entry.balance_after != self.balance:
            yield self._off(
                "I4",
                f"entry {entry.seq} says a balance of {entry.balance_after} after it, not {self.balance}",
            )
            self.balance = entry.balance_after
        if entry.kind is Kind.SPEND and entry.refers_to_seq is not None:
            self.capture = entry  # the hold that it ends comes next, with the same seq
            self.held += entry.credits
        elif not has_its_key(entry):
            yield self._off("I8", f"entry {entry.seq}, {entry.kind}, must not have the key {entry.key!r}")

    def _extend(self, more: Extended) -> Iterator[Problem]:
        self.held += more.credits
        self.holds[more.hold_seq] = self.holds.get(more.hold_seq, 0) + more.credits
        if more.hold_seq in self.to_grow:
            self.to_grow[more.hold_seq] -= more.credits
        else:
            yield self._off("I7", f"at {more.seq} a hold has grown that was not open, {more.hold_seq}")

    def _grown(self, hold_seq: int) -> Iterator[Problem]:
        """A hold has as many credits as it opened with and has grown by."""
        missing = self.to_grow.pop(hold_seq, 0)
        if missing:
            yield self._off("I7", f"hold {hold_seq} has {missing} credits more than it has grown by")

    def _close(self, end: Closed) -> Iterator[Problem]:
        yield from self._grown(end.hold_seq)
        self.holds.pop(end.hold_seq, None)
        if not end.captured:
            yield from self._next_seq(end.seq)
            self.held -= end.credits
            return
        wrote = self.capture
        if (
            wrote is None
            or (wrote.seq, wrote.credits, wrote.refers_to_seq) != (end.seq, -end.captured, end.hold_seq)
            or wrote.key != f"hold:{end.key}"
        ):
            yield self._off("I7", f"hold {end.key!r} was captured, and no entry at {end.seq} is its capture")
        self.capture = None
        self.held -= end.credits - end.captured

    def _note_drawn_lots(self) -> None:
        self.lots.note()
        if self.seals:
            row, stands = repr(tuple(self.account)), written(self._state(), self.sums)
            self.totals.proofs.append(
                Proof(self.account.id, self.account.slot, self.seq, self.digest, row, stands)
            )

    def _state(self) -> State:
        """The wallet as it stands by now."""
        live, holds = self.lots.live(), dict(sorted(self.holds.items()))
        lots, last = tuple(live[seq] for seq in sorted(live)), self.lots.draw_rows.lot_seq
        return State(self.seq, self.total, self.held, self.debt, self.at, lots, holds, last)

    def _check_mark(self, mark: MarkRow) -> Iterator[Problem]:
        """The archive and what stayed in the books add up to the mark."""
        self.mark = None
        if self.digest != mark.digest:
            changed = f"an entry up to {mark.seq} is missing, or another than when it was archived"
            yield self._off("I16", f"{changed}; were all archives named?")
        elif (self.seq, written(self._state())) != (mark.seq, mark.state):
            yield self._off("I16", f"the mark of the archive at {mark.seq} is not what the entries come to")

    def _check_digest(self, proof: Proof) -> Iterator[Problem]:
        """The entries up to the proof are those that were proved."""
        self.known = None
        if self.digest != proof.digest:
            yield self._off("I6", f"an entry up to {proof.seq} is another than when it was proved")

    def _check_account(self) -> Iterator[Problem]:
        account = self.account
        yield from self._next_seq(self.seq + 1)
        for hold_seq in list(self.to_grow):
            yield from self._grown(hold_seq)
        if account.slot != slot_of(account.owner):
            yield self._off("I8", f"the wallet is in slot {account.slot}, not in {slot_of(account.owner)}")
        if account.balance != self.total:
            yield self._off("I1", f"the balance is {account.balance}, the entries sum up to {self.total}")
        if account.held != self.held:
            yield self._off("I5", f"{account.held} are held, open holds sum up to {self.held}")
        if account.debt != self.debt:
            yield self._off("I5", f"the debt is {account.debt}, the entries sum up to {self.debt}")
        if account.seq != self.seq - 1:
            yield self._off("I4", f"seq stands at {account.seq}, the last event has {self.seq - 1}")
        if self.at is not None and account.moved_at < self.at:
            yield self._off("I4", "the wallet has moved before its last entry")


def has_its_key(entry: EntryRow) -> bool:
    """Whether the key is the ledger's own where the ledger wrote by itself, and nowhere else."""
    if entry.kind is Kind.EXPIRY:
        return entry.key == f"expiry:{entry.refers_to_seq}:{entry.seq}"
    if entry.kind is Kind.CLAWBACK and entry.debt < 0 and entry.credits < 0:
        lot = f"repay:{entry.refers_to_seq}"
        return entry.key in (lot, f"{lot}:{entry.seq}")  # when it came in, or when it ended
    own = "reversal:" if entry.kind is Kind.REVERSAL else "rollover:" if entry.kind in MOVABLE else None
    return not entry.key.startswith(OWN_KEYS) or (own is not None and entry.key.startswith(own))
