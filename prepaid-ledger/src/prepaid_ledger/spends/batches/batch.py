"""Many spends in one transaction: those that are batchable. What is left out goes alone.

A spend is batchable if its wallet can be had, nothing in it is due, no debt blocks it, its key is
new, and wallet and budgets have the credits after those of the requests before it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Insert

from ...database.turns import LOCK_TIMEOUT_S
from ..single import SpendRequest, Spent, insert_host_row
from .budgeted_owners import BudgetedOwners
from .host_insert import NO_ROWS, batch_insert
from .outcomes import Outcome
from .postgresql_batch import on_postgresql, read
from .sqlite_batch import post_on_sqlite


def one_of_each_key(requests: Sequence[SpendRequest]) -> list[int]:
    """The place of the first request with each owner and key. The others go alone, and find it then."""
    places: dict[tuple[str, str], int] = {}
    for place, request in enumerate(requests):
        places.setdefault((request.owner, request.key), place)
    return list(places.values())


def post(
    connection: Connection,
    requests: Sequence[SpendRequest],
    *,
    now: datetime,
    debt_blocks: bool,
    budgeted: BudgetedOwners,
    parted: bool,
    wait: bool = False,
) -> list[Outcome]:
    """Post what is batchable of ``requests``, no two of which may have the same owner and key.

    :param budgeted: The owners who are known to have budgets.
    :param parted: Whether the tables lie in partitions.
    :param wait: Whether to wait for wallets that others hold. A batch of many wallets
        does not, so that nobody's slow transaction stalls everybody.
    :raises IntegrityError: A key was posted between our looking and our writing. Nothing was moved.
    """
    if connection.dialect.name == "sqlite":
        outcomes = post_on_sqlite(connection, requests, now, debt_blocks)
        return _insert_host_rows(connection, requests, outcomes)
    host_insert = batch_insert(requests)
    statement, values = on_postgresql(
        requests,
        host_insert or NO_ROWS,
        now=now,
        debt_blocks=debt_blocks,
        with_budgets=budgeted.any_of(requests),
        parted=parted,
        wait_s=LOCK_TIMEOUT_S if wait else None,
    )
    outcomes = read(connection.exec_driver_sql(statement, values))
    budgeted.learn(requests, outcomes)
    return outcomes if host_insert is not None else _insert_host_rows(connection, requests, outcomes)


def _insert_host_rows(
    connection: Connection, requests: Sequence[SpendRequest], outcomes: list[Outcome]
) -> list[Outcome]:
    """Run the host's INSERTs of what was spent: the same statement with many values in one go."""
    together: defaultdict[Insert, list[Any]] = defaultdict(list)
    for number, (request, outcome) in enumerate(zip(requests, outcomes, strict=True)):
        spent = outcome.spent
        if spent is None or request.work is None:
            continue
        if request.values is None or request.work.returning_column_descriptions:
            row = insert_host_row(connection, request)
            outcomes[number] = Outcome(True, Spent(spent.seq, spent.balance, row))
        else:
            together[request.work].append(request.values)
    for work, values in together.items():
        connection.execute(work, values)
    return outcomes
