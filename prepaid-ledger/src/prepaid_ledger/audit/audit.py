"""The proof that the books are right, read from snapshots of a live database.

Every entry, hold, lot and draw is read, wallet by wallet, and played again. Each range of wallets has a
snapshot of its own, so that none stands for long: an old one keeps PostgreSQL from tidying up hot wallets.

| | what holds |
|---|---|
| I1 | a wallet's balance is the sum of its entries; the sum by kind over all wallets is the sum of balances |
| I4 | ``seq`` has no gap; the balance after each entry is the one before it plus its credits; time goes on, \
       and a wallet has not moved after now where no event says so |
| I5 | a balance never falls below what is held, nor a debt below zero; ``held`` is the sum of open holds, \
       and a wallet's debt is the debt made less the debt repaid |
| I6 | entries are never changed or deleted: the triggers that refuse it are there |
| I7 | no more is given back or clawed back than was spent or came in, by whatever doors together; what was \
       taken and the debt made are together the share of the money that went back, less what of it had \
       lapsed or was taken by hand; each capture has its hold, and a hold what it opened with and grew by; \
       what a meter had counted is taken as the time of its hold is over, and of no other hold |
| I8 | an owner has one wallet, in the slot of the owner, which was the owner's when it was proved; a key \
       stands once in it; what the ledger writes by itself has the key that belongs to it |
| I9 | lots and draws are what follows from entries and holds, and nothing is due before ``next_expiry_at`` |
| I10 | a budget counts what its window was charged by spends and holds, less what came back; the window is \
       one of its calendar, has begun, and nothing was charged after it |
| I14 | the sums of usage are those of the entries up to the mark of each wallet |
| I16 | what lies in the archive and what stayed in the books are together what was archived |

A wallet of which finished spends lie in the archive is played from its mark on. With the archive it is played
from its first event on.

Wallets that go on from a proof are looked at as far as a day can have made something wrong. No rule reads
what was proved, but for what ``rules/shares.py`` says of clawbacks and ``rules/budgets.py`` of new budgets.
So only a full audit finds what was changed since of entries, of holds that had ended, of used-up lots and of
sums of usage of earlier quarters of an hour, and whatever was changed of a wallet that has not moved.

I1, I4 to I8 are those of any ledger of paid credits. I9 says that the end does not depend on who came
first: what is drawn follows from the entries alone. That nothing stays unfinished, and that an unknown
end is called unknown is for ``reconcile`` to prove.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import NamedTuple

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ..clock import Clock
from ..database.rows import Stretch
from ..tables import Kind
from .replay.replay import Totals, replay
from .replay.streams import accounts, marks
from .rules.budgets import budget_counts
from .rules.guards import missing_guards
from .rules.keys import doubled_keys
from .rules.meters import uncharged_meters
from .rules.shares import clawed_shares
from .rules.usage import usage_sums
from .scope.problem import Problem, Rule
from .scope.proofs import Proof, Proofs
from .scope.scope import LAST, Moved, Scope, Which, scopes
from .scope.snapshots import from_snapshot, snapshot
from .workers import Means, each

log = logging.getLogger(__name__)

#: Wallets that moved, and are played again with one set of statements.
TOGETHER = 2_000

#: A wallet of so many events has statements of its own.
LONG = 1_000


class Audited(list[Problem]):
    """What an audit has found, and how much it has looked at.

    So many ``wallets`` and ``entries`` were played. The events ``before``, which are entries and holds that
    began, grew or were released, were proved earlier, and were not.
    """

    wallets: int = 0
    entries: int = 0
    before: int = 0


class Found(NamedTuple):
    """What is off in a range of wallets, what was played of it, and how many events were not."""

    problems: list[Problem]
    totals: Totals
    before: int


class Compared(NamedTuple):
    """The wallets of a range beside their proofs.

    ``proofs`` are those that the books have come to, and ``before`` the events that they prove. The wallets
    in ``moved`` and in ``long`` are to be played on their stretches; the others are as they were proved.
    """

    proofs: dict[int, Proof]
    moved: list[Stretch]
    long: list[Stretch]
    problems: list[Problem]
    before: int


def audit(
    books: Engine,
    *further: Rule,
    clock: Clock,
    jobs: int = 1,
    proofs: Engine | None = None,
    full: bool = True,
    archives: Sequence[Engine] = (),
    seen: Callable[[int], None] = lambda count: None,
) -> Audited:
    """Everything that is off in the books. Needs the same memory for a million entries as for ten.

    :param clock: The ledger's.
    :param further: Rules about what stands beside the books; they share one snapshot, and look at all of it.
    :param jobs: Processes that work at once, each on a range of wallets.
    :param proofs: A database where what is proved is kept, and where it was. A warning is logged where it
        can't be kept; the next audit plays that again.
    :param full: Play everything, and compare the entries with what was proved; else only what came since.
    :param archives: Where finished spends lie that left the books: they are played, too, in a full audit.
    :param seen: Is called after each range with how many events of it were played or proved before.
    :raises ValueError: ``jobs`` is less than 1, or more where a process can't be forked.
    """
    if proofs is not None:
        Proofs(proofs).make()
    engines = (books, *((proofs,) if proofs is not None else ()), *archives)
    read = partial(audit_range, full=full or bool(archives), is_proved=proofs is not None)
    audited = Audited()
    audited += from_snapshot(books, lambda connection: [*missing_guards(connection)])
    ranges = from_snapshot(books, scopes)
    balances, kinds = 0, Counter[Kind]()
    off: dict[int, list[Problem]] = {}
    for place, played in each(Means(engines, clock), read, ranges, jobs):
        off[place] = played.problems
        audited.wallets += played.totals.wallets
        audited.entries += played.totals.entries
        audited.before += played.before
        balances += played.totals.balances
        kinds.update(played.totals.kinds)
        if proofs is not None and not played.problems:
            _keep(proofs, played.totals.proofs)
        seen(played.totals.entries + played.before)
    for place in sorted(off):
        audited += off[place]
    audited += _trial_balance(balances, kinds)
    audited += from_snapshot(
        books, lambda connection: [problem for rule in further for problem in rule(connection)]
    )
    return audited


def audit_range(means: Means, scope: Scope, *, full: bool, is_proved: bool) -> Found:
    """Every rule on some wallets, from one snapshot.

    :param means: Its engines are the books, where proofs are kept if it ``is_proved``, and the archives.
    """
    books, *others = means.engines
    earlier = Proofs(others.pop(0)).of(scope) if is_proved else {}

    def read(connection: Connection) -> Found:
        with ExitStack() as stack:
            archives = [stack.enter_context(snapshot(archive)) for archive in others]
            compared = _compared(connection, scope, earlier, full=full)
            rules = partial(_rules, connection, clock=means.clock, seals=is_proved)
            return _audit_range(connection, scope, compared, archives, rules, full=full)

    return from_snapshot(books, read)


def _audit_range(
    connection: Connection,
    scope: Scope,
    compared: Compared,
    archives: Sequence[Connection],
    rules: Callable[..., Iterator[Problem]],
    *,
    full: bool,
) -> Found:
    totals = Totals()
    proofs, problems = compared.proofs, compared.problems
    if full:
        problems += rules(scope, totals, proofs, archives)
        return Found(problems, totals, 0)
    for part in _parts(compared):
        theirs = {each.wallet_id: proofs[each.wallet_id] for each in part if each.wallet_id in proofs}
        problems += rules(Moved(connection, part), totals, theirs, ())
    return Found(problems, totals, compared.before)


def _parts(compared: Compared) -> Iterator[Sequence[Stretch]]:
    """The wallets that are played with the same statements."""
    for first in range(0, len(compared.moved), TOGETHER):
        yield compared.moved[first : first + TOGETHER]
    yield from ([each] for each in compared.long)


def _compared(connection: Connection, scope: Scope, earlier: Mapping[int, Proof], *, full: bool) -> Compared:
    """Look at each wallet beside its proof. One that is behind it is played from its first event on.

    What lies in the archive was proved when it was moved there: a wallet that moved since goes on from there.
    """
    compared, left = Compared({}, [], [], [], 0), dict(earlier)
    archived = {} if full else {mark.wallet_id: mark.proof for mark in marks(connection, scope)}
    for account in accounts(connection, scope):
        proof = left.pop(account.id, None)
        if proof is not None and not proof.is_of(account.owner):
            another = f"wallet {account.id} was another owner's when it was proved"
            whose = Problem("I8", account.owner, f"{another}: its row of prepaid_proof says whose")
            compared.problems.append(whose)
        if proof is not None and account.drawn_seq < proof.seq:
            behind = (
                f"the wallet stands at {account.drawn_seq}, and was proved up to {proof.seq}: the books are "
                "older than that, as on a standby that is behind, or went back"
            )
            compared.problems.append(Problem("I4", account.owner, behind))
            proof = None
        has_moved = proof is None or proof.row != repr(tuple(account))
        mark = archived.get(account.id)
        if has_moved and mark is not None and (proof is None or proof.seq < mark.seq):
            proof = mark
        if proof is not None:
            compared.proofs[account.id] = proof
        if has_moved:
            stretch = Stretch(account.id, account.slot, proof.seq if proof else 0, LAST)
            (compared.long if account.seq >= LONG else compared.moved).append(stretch)
    for wallet_id in left:
        gone = f"wallet {wallet_id} was proved, and is gone: removed, or the books are older than that"
        compared.problems.append(Problem("I4", None, gone))
    return compared._replace(before=sum(proof.seq for proof in compared.proofs.values()))


def _keep(proofs: Engine, proved: Sequence[Proof]) -> None:
    """Keep what is proved. It is one process that does, for a file has one writer at a time."""
    try:
        Proofs(proofs).keep(proved)
    except SQLAlchemyError as error:
        why = error.orig if isinstance(error, DBAPIError) else error
        log.warning(
            "What was proved of %d wallets could not be kept (%s). The next audit plays it again.",
            len(proved),
            why,
        )


def _rules(
    connection: Connection,
    which: Which,
    totals: Totals,
    earlier: Mapping[int, Proof],
    archives: Sequence[Connection],
    *,
    clock: Clock,
    seals: bool,
) -> Iterator[Problem]:
    yield from doubled_keys(connection, which)
    yield from replay(connection, which, totals, earlier, clock=clock, seals=seals, archives=archives)
    yield from clawed_shares(connection, which)
    yield from uncharged_meters(connection, which)
    yield from budget_counts(connection, which, earlier)
    yield from usage_sums(connection, which, earlier, totals.archived if archives else None)


def _trial_balance(balances: int, totals: Counter[Kind]) -> Iterator[Problem]:
    if sum(totals.values()) != balances:
        by_kind = ", ".join(f"{kind} {credits}" for kind, credits in sorted(totals.items()))
        yield Problem(
            "I1", None, f"all balances are {balances}, all entries {sum(totals.values())}: {by_kind}"
        )
