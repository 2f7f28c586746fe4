"""The proof that the books are right, read from one snapshot of a live database.

Every entry, hold, lot and draw is read, wallet by wallet, and played again:

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
| I8 | an owner has one wallet, in the slot of the owner; a key stands once in it; what the ledger writes by \
       itself has the key that belongs to it |
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

from sqlalchemy import Connection, Engine, func, inspect, select, text

from ..tables import Entry, Hold, HoldState, Kind, Wallet
from .budgets import budget_counts
from .problem import Problem, Rule
from .replay import replay
from .shares import clawed_shares
from .usage import usage_sums

#: The triggers that refuse a change of an entry, by database.
GUARDS = {
    "sqlite": {"prepaid_entry_no_update", "prepaid_entry_no_delete", "prepaid_entry_no_replace"},
    "postgresql": {"prepaid_entry_no_change", "prepaid_entry_no_truncate"},
}

#: The names of those that are there: in PostgreSQL on each partition, if there are any.
GUARDED = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": """
        WITH guarded (id) AS (
          SELECT to_regclass('prepaid_entry')::oid
          UNION ALL SELECT inhrelid FROM pg_inherits WHERE inhparent = to_regclass('prepaid_entry')
        )
        SELECT tgname FROM pg_trigger JOIN guarded ON tgrelid = id WHERE tgenabled <> 'D'
        GROUP BY tgname HAVING count(*) = (SELECT count(*) FROM guarded)""",
}


def audit(engine: Engine, *further: Rule) -> Iterator[Problem]:
    """Everything that is off in the books. Needs the same memory for a million entries as for ten."""
    with snapshot(engine) as connection:
        yield from _guards(connection)
        yield from _doubled_keys(connection)
        totals: Counter[Kind] = Counter()
        yield from replay(connection, totals)
        yield from _trial_balance(connection, totals)
        yield from clawed_shares(connection)
        yield from _uncharged_meters(connection)
        yield from budget_counts(connection)
        yield from usage_sums(connection)
        for rule in further:
            yield from rule(connection)


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
    there = set(connection.scalars(text(GUARDED[connection.dialect.name])))
    for name in sorted(GUARDS[connection.dialect.name] - there):
        yield Problem("I6", None, f"the trigger {name} is missing: entries can be changed")
    unique = {
        constraint["name"] for constraint in inspect(connection).get_unique_constraints("prepaid_entry")
    }
    if "uq_prepaid_entry_wallet_id_slot_key" not in unique:
        yield Problem("I8", None, "nothing refuses a second entry with the same key")


def _doubled_keys(connection: Connection) -> Iterator[Problem]:
    doubled = (
        select(Wallet.owner, Entry.key, func.count())
        .join(Wallet, Entry.of(Wallet))
        .group_by(Wallet.owner, Entry.wallet_id, Entry.key)
        .having(func.count() > 1)
    )
    for owner, key, times in connection.execute(doubled):
        yield Problem("I8", owner, f"the key {key!r} has posted {times} times")


def _uncharged_meters(connection: Connection) -> Iterator[Problem]:
    uncharged = (
        select(Wallet.owner, Hold.key, Hold.counted)
        .join(Wallet, Hold.of(Wallet))
        .where(Hold.state == HoldState.EXPIRED, Hold.counted > 0)
    )
    for owner, key, counted in connection.execute(uncharged):
        yield Problem("I7", owner, f"hold {key!r} gave back the {counted} credits that its meter had counted")


def _trial_balance(connection: Connection, totals: Counter[Kind]) -> Iterator[Problem]:
    balances = int(connection.scalar(select(func.sum(Wallet.balance))) or 0)
    if sum(totals.values()) != balances:
        by_kind = ", ".join(f"{kind} {credits}" for kind, credits in sorted(totals.items()))
        yield Problem(
            "I1", None, f"all balances are {balances}, all entries {sum(totals.values())}: {by_kind}"
        )
