"""A batch that others overtake, between what it sees of the tables and its lock on the wallet."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import text

from prepaid_ledger import SpendRequest
from prepaid_ledger.spends.batches.host_insert import NO_ROWS
from prepaid_ledger.spends.batches.outcomes import Outcome
from prepaid_ledger.spends.batches.postgresql_batch import on_postgresql, read

from .books import Books


def overtaken(
    books: Books,
    between: Callable[[], object],
    *owners: str,
    spender: str | None = None,
    with_budgets: bool = False,
    parted: bool = False,
) -> list[Outcome]:
    """What comes of a batch of ``owners``'s spends where something is done between its look and its lock."""
    requests = [SpendRequest(owner, 1, "call:late", spender=spender) for owner in owners]
    statement, values = on_postgresql(
        requests, NO_ROWS, now=books.time, debt_blocks=True, with_budgets=with_budgets, parted=parted
    )
    lock = " FOR NO KEY UPDATE SKIP"
    held = statement.replace(lock, " AND (SELECT count(*) FROM pg_advisory_lock(1)) = 1" + lock)
    assert held != statement
    waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    by_itself = books.engine.execution_options(isolation_level="AUTOCOMMIT")

    with by_itself.connect() as other, by_itself.connect() as ours, ThreadPoolExecutor(1) as thread:
        ours.execute(text("SET plan_cache_mode = force_generic_plan"))
        other.execute(text("SELECT pg_advisory_lock(1)"))
        posted = thread.submit(lambda: ours.exec_driver_sql(held, values).all())
        while not other.scalar(waiting):
            pass
        between()
        other.execute(text("SELECT pg_advisory_unlock(1)"))
        return read(posted.result())
