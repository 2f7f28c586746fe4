"""The proof that the books are right, read from snapshots of a live database.

Every entry, hold, lot and draw is read, wallet by wallet, and played again. Each range of wallets has a
snapshot of its own, so that none stands for long: an old one keeps PostgreSQL from tidying up hot wallets.

| | what holds |
|---|---|
| I1 | a wallet's balance is the sum of its entries; the sum by kind over all wallets is the sum of balances |
| I4 | ``seq`` has no gap; the balance after each entry is the one before it plus its credits; time goes on |
| I5 | a balance never falls below what is held, nor a debt below zero; ``held`` is the sum of open holds, \
       and a wallet's debt is the debt made less the debt repaid |
| I6 | entries are never changed or deleted: the triggers that refuse it are there |
| I7 | no more is given back or clawed back than was spent or came in, by whatever doors together; what was \
       taken and the debt made are together the share of the money that went back, less what of it had \
       lapsed or was taken by hand; each capture has its hold, and a hold what it opened with and grew by; \
       what a meter had counted is taken as the time of its hold is over |
| I8 | a key stands once in its wallet; what the ledger writes by itself has the key that belongs to it |
| I9 | lots and draws are what follows from entries and holds, and nothing is due before ``next_expiry_at`` |
| I10 | a budget counts what its window was charged by spends and holds, less what came back |
| I14 | the sums of usage are those of the entries up to the mark of each wallet |

I1, I4 to I8 are those of any ledger of paid credits. I9 says that the end does not depend on who came
first: what is drawn follows from the entries alone. That nothing stays unfinished, and that an unknown
end is called unknown is for ``reconcile`` to prove.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from sqlalchemy import Connection, Engine, func, inspect, select, text
from sqlalchemy.exc import DBAPIError

from ..database.transactions import RETRYABLE, sqlstate
from ..tables import Entry, Hold, HoldState, Kind, Wallet
from .budgets import budget_counts
from .problem import Problem, Rule
from .replay import replay
from .scope import Scope, scopes
from .shares import clawed_shares
from .usage import usage_sums
from .workers import each

#: A standby may take a snapshot away that stands in the way of what it copies.
TRIES = 5

#: The triggers that refuse a change of an entry, by database.
GUARDS = {
    "sqlite": {"prepaid_entry_no_update", "prepaid_entry_no_delete", "prepaid_entry_no_replace"},
    "postgresql": {"prepaid_entry_no_change", "prepaid_entry_no_truncate"},
}


class Found(NamedTuple):
    """What is off in a range of wallets, what their balances are, and the credits of each kind of entry."""

    problems: list[Problem]
    balances: int
    totals: Counter[Kind]


def audit(engine: Engine, *further: Rule, jobs: int = 1) -> Iterator[Problem]:
    """Everything that is off in the books. Needs the same memory for a million entries as for ten.

    :param further: Rules about what stands beside the books; they share one snapshot.
    :param jobs: Processes that work at once, each on a range of wallets.
    :raises ValueError: ``jobs`` is less than 1, or more where a process can't be forked.
    """
    with snapshot(engine) as connection:
        yield from _guards(connection)
        ranges = scopes(connection)
    balances, totals = 0, Counter[Kind]()
    for found in each(engine, audit_range, ranges, jobs):
        yield from found.problems
        balances += found.balances
        totals.update(found.totals)
    yield from _trial_balance(balances, totals)
    with snapshot(engine) as connection:
        for rule in further:
            yield from rule(connection)


def audit_range(engine: Engine, scope: Scope) -> Found:
    """Every rule on some wallets, from one snapshot; again where a standby takes the snapshot away."""
    for _ in range(TRIES - 1):
        try:
            return _audit_range(engine, scope)
        except DBAPIError as error:
            if sqlstate(error) not in RETRYABLE:
                raise
    return _audit_range(engine, scope)


def _audit_range(engine: Engine, scope: Scope) -> Found:
    totals: Counter[Kind] = Counter()
    with snapshot(engine) as connection:
        problems = [
            *_doubled_keys(connection, scope),
            *replay(connection, totals, scope),
            *clawed_shares(connection, scope),
            *_uncharged_meters(connection, scope),
            *budget_counts(connection, scope),
            *usage_sums(connection, scope),
        ]
        balances = connection.scalar(select(func.sum(Wallet.balance)).where(scope.has(Wallet.id)))
    return Found(problems, int(balances or 0), totals)


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """A connection that sees the database as it is now, however long the reading takes."""
    if engine.dialect.name == "postgresql":
        engine = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN")  # Python's driver begins none for reading
        yield connection


def _guards(connection: Connection) -> Iterator[Problem]:
    sqlite = connection.dialect.name == "sqlite"
    there = set(
        connection.scalars(
            text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            if sqlite
            else text("SELECT tgname FROM pg_trigger WHERE tgenabled <> 'D'")
        )
    )
    for name in sorted(GUARDS[connection.dialect.name] - there):
        yield Problem("I6", None, f"the trigger {name} is missing: entries can be changed")
    unique = {
        constraint["name"] for constraint in inspect(connection).get_unique_constraints("prepaid_entry")
    }
    if "uq_prepaid_entry_wallet_id_key" not in unique:
        yield Problem("I8", None, "nothing refuses a second entry with the same key")


def _doubled_keys(connection: Connection, scope: Scope) -> Iterator[Problem]:
    doubled = (
        select(Wallet.owner, Entry.key, func.count())
        .join(Wallet, Wallet.id == Entry.wallet_id)
        .where(scope.has(Entry.wallet_id))
        .group_by(Wallet.owner, Entry.wallet_id, Entry.key)
        .having(func.count() > 1)
    )
    for owner, key, times in connection.execute(doubled):
        yield Problem("I8", owner, f"the key {key!r} has posted {times} times")


def _uncharged_meters(connection: Connection, scope: Scope) -> Iterator[Problem]:
    uncharged = (
        select(Wallet.owner, Hold.key, Hold.counted)
        .join(Wallet, Wallet.id == Hold.wallet_id)
        .where(Hold.state == HoldState.EXPIRED, Hold.counted > 0, scope.has(Hold.wallet_id))
    )
    for owner, key, counted in connection.execute(uncharged):
        yield Problem("I7", owner, f"hold {key!r} gave back the {counted} credits that its meter had counted")


def _trial_balance(balances: int, totals: Counter[Kind]) -> Iterator[Problem]:
    if sum(totals.values()) != balances:
        by_kind = ", ".join(f"{kind} {credits}" for kind, credits in sorted(totals.items()))
        yield Problem(
            "I1", None, f"all balances are {balances}, all entries {sum(totals.values())}: {by_kind}"
        )
