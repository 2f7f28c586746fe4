"""A batch on PostgreSQL: one statement, one round trip, one transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from ...database.transactions import statements_within
from ...database.turns import LOCK_TIMEOUT_S
from ...slots import slot_of
from ..single import SpendRequest, Spent
from .host_insert import NO_ROWS, BatchInsert
from .outcomes import Outcome

#: Locks the wallets, each by its key and as it is found; then, under the locks, counts within each wallet,
#: writes the entries, and moves each wallet once. Two batches never wait for each other in a ring: one of
#: several wallets waits for none.
#: FOR UPDATE reads the newest wallet, but the rest sees what was there when the statement began: a
#: key that came in between meets the unique constraint, and the caller repeats. Whether a key is new is
#: looked up row by row: as an anti-join, planned while the table was small, it read a whole index each time.
BATCH = """
WITH requested AS MATERIALIZED (
  SELECT * FROM json_to_recordset(%(requested)s)
    AS a (n integer, slot smallint, owner text, key text, credits bigint,
          spender text, item text, quantity text, price_version text{record})
), locked AS MATERIALIZED (
  SELECT l.*, greatest(l.moved_at, %(now)s) AS at, {is_as_read} AS is_as_read
  FROM (SELECT DISTINCT slot, owner FROM requested) a CROSS JOIN LATERAL (
    SELECT slot, id, owner, balance, held, debt, seq, next_expiry_at, moved_at,
           budget_changes, charged{version}
    FROM prepaid_wallet w
    WHERE w.slot = a.slot AND w.owner = a.owner{timeout} FOR NO KEY UPDATE {skip}
  ) l
), fresh AS (
  SELECT a.n, a.key, a.credits, a.spender, a.item, a.quantity, a.price_version,
         l.slot, l.id, l.seq, l.balance, l.balance - l.held AS available, l.budget_changes, l.charged,
         l.at
  FROM requested a JOIN locked l USING (owner)
  WHERE (l.next_expiry_at IS NULL OR l.next_expiry_at > l.at) AND (l.debt = 0 OR NOT %(debt_blocks)s)
    AND l.is_as_read{key_is_new}
){budgets}, ranked AS (
  SELECT f.*, CAST(sum(f.credits) OVER earlier AS bigint) AS running,
         row_number() OVER earlier AS rank{left_over}
  FROM {payable} f WINDOW earlier AS (PARTITION BY f.id ORDER BY f.n)
), taken AS (
  SELECT n, slot, id, key, credits, seq + rank AS seq, balance - running AS balance, at,
         spender, item, quantity, price_version, budget_changes
  FROM ranked WHERE running <= {at_most}
), posted AS (
  INSERT INTO prepaid_entry (slot, wallet_id, seq, kind, key, credits, debt, balance_after, at,
                             spender, item, quantity, price_version)
  SELECT slot, id, seq, 'spend', key, -credits, 0, balance, at, spender, item, quantity, price_version
  FROM taken
), moved AS (
  UPDATE prepaid_wallet w
  SET balance = w.balance - t.credits, seq = w.seq + t.entries, moved_at = t.at{counted_on_wallet}
  FROM (
    SELECT slot, id, sum(credits) AS credits, count(*) AS entries, max(at) AS at FROM taken GROUP BY slot, id
  ) t
  WHERE w.slot = t.slot AND w.id = t.id
){charged}{host_rows}
SELECT CASE WHEN l.id IS NOT NULL THEN l.is_as_read ELSE NOT EXISTS (
         SELECT FROM prepaid_wallet w WHERE w.slot = a.slot AND w.owner = a.owner
       ) END AS reached,
       t.seq, t.balance,
       coalesce(l.budget_changes > 0, false) AS has_budgets
FROM requested a LEFT JOIN locked l USING (owner) LEFT JOIN taken t USING (n)
ORDER BY a.n
"""

#: Not asked where the tables lie in partitions. A key that comes again fails the batch there, and each goes
#: alone. PostgreSQL 18.6 chooses partitions wrongly, or ends, once a statement has read a row anew under its
#: lock; a statement that reads none of a parted table chooses none.
KEY_IS_NEW = """
    AND (SELECT e.seq FROM prepaid_entry e
         WHERE e.slot = l.slot AND e.wallet_id = l.id AND e.key = a.key) IS NULL"""

#: What the statement leaves out where no wallet is known to have budgets: a sixth of its time. A wallet that
#: has some all the same is not reached, and its owner known from then on.
WITHOUT_BUDGETS = {
    "version": "",
    "is_as_read": "l.budget_changes = 0",
    "budgets": "",
    "left_over": "",
    "payable": "fresh",
    "at_most": "available",
    "counted_on_wallet": "",
    "charged": "",
}

#: Budgets change with their wallet alone, under its lock. So they are as the statement reads them, unless the
#: wallet has changed since it began: then it is not reached (``is_as_read``). A batch that has waited for a
#: wallet would never reach it so; it locks the budgets, which reads the newest rows, and only minds
#: whether there is one more or less. Spends whose window is over go alone. So do those beyond a budget: what
#: their wallet has spent before them in the batch counts against each of its budgets, whoever's it is. That
#: sends too many alone rather than too few. The whole wallet's budgets are counted on the wallet, which moves
#: anyway: to write their rows, too, would cost a tenth more.
WITH_BUDGETS = {
    "version": ", w.{version} AS version",
    "is_as_read": """(l.budget_changes = 0 OR l.version = (
    SELECT w.{version} FROM prepaid_wallet w WHERE w.slot = l.slot AND w.id = l.id
  ))""",
    "budgets": """, payable AS (
  SELECT f.*, b.left_over FROM fresh f CROSS JOIN LATERAL (
    SELECT min(credits - spent_here - CASE WHEN spender = '' THEN f.charged ELSE 0 END) AS left_over,
           bool_or(resets_at <= f.at) AS is_over
    FROM (
      SELECT b.credits, b.spent_here, b.spender, b.resets_at FROM prepaid_budget b
      WHERE f.budget_changes > 0 AND b.slot = f.slot AND b.wallet_id = f.id
        AND b.spender IN ('', coalesce(f.spender, '')){lock}
    ) b
  ) b
  WHERE b.is_over IS NOT TRUE AND (b.left_over IS NULL OR b.left_over >= f.credits)
)""",
    "left_over": ", min(f.left_over) OVER earlier AS left_over_yet",
    "payable": "payable",
    "at_most": "least(available, left_over_yet)",
    "counted_on_wallet": ", charged = w.charged + t.credits",
    "charged": """, charged AS (
  UPDATE prepaid_budget b SET spent_here = b.spent_here + c.credits
  FROM (
    SELECT slot, id, spender, sum(credits) AS credits FROM taken
    WHERE spender IS NOT NULL AND budget_changes > 0 GROUP BY slot, id, spender
  ) c
  WHERE b.slot = c.slot AND b.wallet_id = c.id AND b.spender = c.spender
)""",
}

#: Computed once, before the first wallet is locked, and gone with the transaction.
LOCK_TIMEOUT = " AND (SELECT set_config('lock_timeout', %(lock_timeout)s, true)) IS NOT NULL"

#: For a connection of ours alone. A batch that meets a lock on a whole table gives up soon, as each of its
#: spends goes alone then, and waits again; none takes longer than a lock is waited for. All that it reads it
#: reads by a key: a plan that is made while a table is small, and kept, would read that whole for each spend.
SET_UP = f"""
SELECT set_config('lock_timeout', '250ms', false), set_config('enable_seqscan', 'off', false),
       set_config('statement_timeout', {statements_within(LOCK_TIMEOUT_S)}, false)
"""

#: A host's own types are texts by then, but for times and exact numbers.
WRITER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, default=str)


@lru_cache(maxsize=128)
def statement_of(
    *,
    wait: bool = False,
    with_budgets: bool,
    parted: bool = False,
    host_insert: BatchInsert = NO_ROWS,
) -> str:
    """The statement above, with the host's INSERT in it: one round trip, one transaction."""
    version, lock = ("budget_changes", " FOR NO KEY UPDATE") if wait else ("xmin", "")
    budgets = WITH_BUDGETS if with_budgets else WITHOUT_BUDGETS
    return BATCH.format(
        record=host_insert.record,
        timeout=LOCK_TIMEOUT if wait else "",
        skip="" if wait else "SKIP LOCKED",
        key_is_new="" if parted else KEY_IS_NEW,
        host_rows=host_insert.clause,
        **{name: text.format(version=version, lock=lock) for name, text in budgets.items()},
    )


def on_postgresql(
    requests: Sequence[SpendRequest],
    host_insert: BatchInsert,
    *,
    now: datetime,
    debt_blocks: bool,
    with_budgets: bool,
    parted: bool,
    wait_s: float | None = None,
) -> tuple[str, dict[str, object]]:
    """The statement that posts what is batchable with the host rows that they bring, and its values.

    All requests are one text: an array a column costs the driver more than the rest of the batch.

    :param with_budgets: Whether a wallet among them is known to have budgets.
    :param parted: Whether the tables lie in partitions.
    :param wait_s: How long to wait for a wallet that another transaction holds; by default not at all.
    """
    requested = [
        {
            "n": n,
            "slot": slot_of(request.owner),
            "owner": request.owner,
            "key": request.key,
            "credits": request.credits,
            **request.use.columns(),
            **host_insert.row(request),
        }
        for n, request in enumerate(requests)
    ]
    values = {"requested": WRITER.encode(requested), "now": now, "debt_blocks": debt_blocks}
    if wait_s is not None:
        values["lock_timeout"] = f"{wait_s * 1000:.0f}ms"
    wait = wait_s is not None
    statement = statement_of(wait=wait, with_budgets=with_budgets, parted=parted, host_insert=host_insert)
    return statement, values


def read(rows: Iterable[Any]) -> list[Outcome]:
    """What the statement above says of each request."""
    return [
        Outcome(reached, None if seq is None else Spent(seq, balance), has_budgets)
        for reached, seq, balance, has_budgets in rows
    ]
