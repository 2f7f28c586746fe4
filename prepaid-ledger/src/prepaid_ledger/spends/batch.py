"""Many spends in one transaction: those that are batchable. What is left out goes alone.

A spend is batchable if its wallet can be had, nothing in it is due, no debt blocks it, its key is
new, and the credits are there after those of the requests before it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Insert, bindparam, text

from ..books.uses import UNSAID
from ..database.engine import LOCK_TIMEOUT_S
from ..database.types import UtcDateTime
from .host_insert import BatchInsert, batch_insert
from .single import SpendRequest, Spent, insert_host_row


class Outcome(NamedTuple):
    """What came of one request in a batch. ``reached`` says whether its wallet could be had at once."""

    reached: bool
    spent: Spent | None


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
    wait: bool = False,
) -> list[Outcome]:
    """Post what is batchable of ``requests``, no two of which may have the same owner and key.

    :param wait: Whether to wait for wallets that others hold. A batch of many wallets
        does not, so that nobody's slow transaction stalls everybody.
    :raises IntegrityError: A key was posted between our looking and our writing. Nothing was moved.
    """
    if connection.dialect.name == "sqlite":
        outcomes = _post_on_sqlite(connection, requests, now, debt_blocks)
        return _insert_host_rows(connection, requests, outcomes)
    host_insert = batch_insert(requests)
    statement, values = on_postgresql(requests, host_insert, now=now, debt_blocks=debt_blocks, wait=wait)
    outcomes = read(connection.exec_driver_sql(statement, values))
    return outcomes if host_insert is not None else _insert_host_rows(connection, requests, outcomes)


#: Locks the wallets in the order of their ids, so that two batches never wait for each other in a ring;
#: then, under the locks, counts within each wallet, writes the entries, and moves each wallet once.
#: FOR UPDATE reads the newest wallet, but the rest sees what was there when the statement began: a
#: key that came in between meets the unique constraint, and the caller repeats. Whether a key is new is
#: looked up row by row: as an anti-join, planned while the table was small, it read a whole index each time.
BATCH_ON_POSTGRESQL = """
WITH requested AS MATERIALIZED (
  SELECT * FROM json_to_recordset(%(requested)s)
    AS a (n integer, owner text, key text, credits bigint,
          spender text, item text, quantity text, price_version text{record})
), locked AS MATERIALIZED (
  SELECT id, owner, balance, held, debt, seq, next_expiry_at, moved_at FROM prepaid_wallet
  WHERE owner = ANY (ARRAY(SELECT owner FROM requested)){timeout} ORDER BY id FOR NO KEY UPDATE {skip}
), fresh AS (
  SELECT a.n, a.key, a.credits, a.spender, a.item, a.quantity, a.price_version,
         l.id, l.seq, l.balance, l.balance - l.held AS available,
         greatest(l.moved_at, %(now)s) AS at,
         CAST(sum(a.credits) OVER earlier AS bigint) AS running, row_number() OVER earlier AS rank
  FROM requested a JOIN locked l USING (owner)
  WHERE (l.next_expiry_at IS NULL OR l.next_expiry_at > %(now)s) AND (l.debt = 0 OR NOT %(debt_blocks)s)
    AND (SELECT e.seq FROM prepaid_entry e WHERE e.wallet_id = l.id AND e.key = a.key) IS NULL
  WINDOW earlier AS (PARTITION BY l.id ORDER BY a.n)
), taken AS (
  SELECT n, id, key, credits, seq + rank AS seq, balance - running AS balance, at,
         spender, item, quantity, price_version
  FROM fresh WHERE running <= available
), posted AS (
  INSERT INTO prepaid_entry (wallet_id, seq, kind, key, credits, debt, balance_after, at,
                             spender, item, quantity, price_version)
  SELECT id, seq, 'spend', key, -credits, 0, balance, at, spender, item, quantity, price_version FROM taken
), moved AS (
  UPDATE prepaid_wallet w
  SET balance = w.balance - t.credits, seq = w.seq + t.entries, moved_at = t.at
  FROM (SELECT id, sum(credits) AS credits, count(*) AS entries, max(at) AS at FROM taken GROUP BY id) t
  WHERE w.id = t.id
){host_rows}
SELECT l.id IS NOT NULL AS reached, t.seq, t.balance
FROM requested a LEFT JOIN locked l USING (owner) LEFT JOIN taken t USING (n)
ORDER BY a.n
"""


#: Computed once, before the first wallet is locked, and gone with the transaction.
LOCK_TIMEOUT = f" AND (SELECT set_config('lock_timeout', '{LOCK_TIMEOUT_S}s', true)) IS NOT NULL"

#: A host's own types are texts by then, but for times and exact numbers.
WRITER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, default=str)


@lru_cache(maxsize=128)
def _statement(wait: bool, host_insert: BatchInsert | None) -> str:
    """The statement above, with the host's INSERT in it if there is one: one round trip, one transaction."""
    return BATCH_ON_POSTGRESQL.format(
        record="" if host_insert is None else host_insert.record,
        timeout=LOCK_TIMEOUT if wait else "",
        skip="" if wait else "SKIP LOCKED",
        host_rows="" if host_insert is None else host_insert.clause,
    )


def on_postgresql(
    requests: Sequence[SpendRequest],
    host_insert: BatchInsert | None,
    *,
    now: datetime,
    debt_blocks: bool,
    wait: bool = False,
) -> tuple[str, dict[str, object]]:
    """The statement that posts what is batchable with the host rows that they bring, and its values.

    All requests are one text: an array a column costs the driver more than the rest of the batch.
    """
    requested = [
        {
            "n": n,
            "owner": request.owner,
            "key": request.key,
            "credits": request.credits,
            **said_of(request),
            **({} if host_insert is None else host_insert.row(request)),
        }
        for n, request in enumerate(requests)
    ]
    values = {"requested": WRITER.encode(requested), "now": now, "debt_blocks": debt_blocks}
    return _statement(wait, host_insert), values


def said_of(request: SpendRequest) -> dict[str, object]:
    """Who spends, and on what, by column; nothing where nothing is said."""
    if (use := request.use) is UNSAID:
        return {}
    return {
        "spender": use.spender,
        "item": use.item,
        "quantity": use.quantity_text,
        "price_version": use.price_version,
    }


def read(rows: Iterable[Any]) -> list[Outcome]:
    """What the statement above says of each request."""
    return [Outcome(reached, None if seq is None else Spent(seq, balance)) for reached, seq, balance in rows]


WALLETS_ON_SQLITE = text("""
SELECT id, owner, balance, held, debt, seq, next_expiry_at, moved_at FROM prepaid_wallet
WHERE owner IN (SELECT value FROM json_each(:owners))
""").columns(next_expiry_at=UtcDateTime, moved_at=UtcDateTime)

SEEN_ON_SQLITE = text("""
SELECT a.key AS n FROM json_each(:keys) AS a
JOIN prepaid_entry e ON e.wallet_id = a.value ->> 0 AND e.key = a.value ->> 1
""")

ENTRY_ON_SQLITE = text("""
INSERT INTO prepaid_entry (wallet_id, seq, kind, "key", credits, debt, balance_after, at,
                           spender, item, quantity, price_version)
VALUES (:wallet_id, :seq, 'spend', :key, :credits, 0, :balance, :at,
        :spender, :item, :quantity, :price_version)
""").bindparams(bindparam("at", type_=UtcDateTime))

NOTHING_SAID = dict.fromkeys(("spender", "item", "quantity", "price_version"))

MOVE_ON_SQLITE = text("""
UPDATE prepaid_wallet SET balance = :balance, seq = :seq, moved_at = :at WHERE id = :id
""").bindparams(bindparam("at", type_=UtcDateTime))


def _post_on_sqlite(
    connection: Connection, requests: Sequence[SpendRequest], now: datetime, debt_blocks: bool
) -> list[Outcome]:
    owners = json.dumps([request.owner for request in requests])
    wallets = {
        row.owner: dict(row._mapping) for row in connection.execute(WALLETS_ON_SQLITE, {"owners": owners})
    }
    keys = [
        [wallets[request.owner]["id"] if request.owner in wallets else None, request.key]
        for request in requests
    ]
    seen = set(connection.scalars(SEEN_ON_SQLITE, {"keys": json.dumps(keys)}))
    outcomes: list[Outcome] = []
    entries: list[dict[str, object]] = []
    moved: dict[str, dict[str, Any]] = {}
    for number, request in enumerate(requests):
        wallet = wallets.get(request.owner)
        if wallet is None or number in seen or not _is_batchable(wallet, request.credits, now, debt_blocks):
            outcomes.append(Outcome(True, None))
            continue
        wallet["seq"] += 1
        wallet["balance"] -= request.credits
        wallet["at"] = max(now, wallet["moved_at"])
        moved[request.owner] = wallet
        entries.append(
            {
                "wallet_id": wallet["id"],
                "seq": wallet["seq"],
                "key": request.key,
                "credits": -request.credits,
                "balance": wallet["balance"],
                "at": wallet["at"],
                **NOTHING_SAID,
                **said_of(request),
            }
        )
        outcomes.append(Outcome(True, Spent(wallet["seq"], wallet["balance"])))
    if entries:
        connection.execute(ENTRY_ON_SQLITE, entries)
        connection.execute(MOVE_ON_SQLITE, list(moved.values()))
    return outcomes


def _is_batchable(wallet: dict[str, Any], credits: int, now: datetime, debt_blocks: bool) -> bool:
    due = wallet["next_expiry_at"] is not None and wallet["next_expiry_at"] <= now
    blocked = debt_blocks and wallet["debt"] > 0
    return not due and not blocked and wallet["balance"] - wallet["held"] >= credits


def _insert_host_rows(
    connection: Connection, requests: Sequence[SpendRequest], outcomes: list[Outcome]
) -> list[Outcome]:
    """Run the host's INSERTs of what was spent: the same statement with many values in one go."""
    together: defaultdict[Insert, list[Any]] = defaultdict(list)
    for number, (request, (_, spent)) in enumerate(zip(requests, outcomes, strict=True)):
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
