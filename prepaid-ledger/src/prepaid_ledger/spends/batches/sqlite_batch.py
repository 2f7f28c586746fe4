"""A batch on SQLite: statement by statement, in one transaction that holds the write lock as it reads."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, text

from ...database.types import UtcDateTime
from ...slots import slot_of
from ..single import SpendRequest, Spent
from .outcomes import Outcome

Row = dict[str, Any]

WALLETS = text("""
SELECT w.slot, w.id, w.owner, w.balance, w.held, w.debt, w.seq, w.next_expiry_at, w.moved_at,
       w.budget_changes, w.charged
FROM json_each(:owners) AS a JOIN prepaid_wallet w ON w.slot = a.value ->> 0 AND w.owner = a.value ->> 1
""").columns(next_expiry_at=UtcDateTime, moved_at=UtcDateTime)

SEEN = text("""
SELECT a.key AS n FROM json_each(:keys) AS a
JOIN prepaid_entry e ON e.slot = a.value ->> 0 AND e.wallet_id = a.value ->> 1 AND e.key = a.value ->> 2
""")

BUDGETS = text("""
SELECT b.wallet_id, b.spender, b.rowid, b.credits - b.spent_here, b.resets_at FROM json_each(:whose) AS a
JOIN prepaid_budget b ON b.slot = a.value ->> 0 AND b.wallet_id = a.value ->> 1 AND b.spender = a.value ->> 2
""").columns(resets_at=UtcDateTime)

ENTRY = text("""
INSERT INTO prepaid_entry (slot, wallet_id, seq, kind, "key", credits, debt, balance_after, at,
                           spender, item, quantity, price_version)
VALUES (:slot, :wallet_id, :seq, 'spend', :key, :credits, 0, :balance, :at,
        :spender, :item, :quantity, :price_version)
""").bindparams(bindparam("at", type_=UtcDateTime))

NOTHING_SAID = dict.fromkeys(("spender", "item", "quantity", "price_version"))

MOVE = text("""
UPDATE prepaid_wallet SET balance = :balance, seq = :seq, moved_at = :at, charged = :charged
WHERE slot = :slot AND id = :id
""").bindparams(bindparam("at", type_=UtcDateTime))

#: All of a batch in one statement: each of its own costs more to prepare than to run.
CHARGE = text("""
UPDATE prepaid_budget SET spent_here = spent_here + (a.value ->> 1) FROM json_each(:charged) AS a
WHERE prepaid_budget.rowid = a.value ->> 0
""")


@dataclass(slots=True)
class BudgetRow:
    """A budget that a batch counts in: what is left of it, and what the batch has charged so far."""

    rowid: int
    left_over: int
    resets_at: datetime | None
    charged: int = 0

    def has_left(self, credits: int, at: datetime) -> bool:
        is_over = self.resets_at is not None and self.resets_at <= at
        return not is_over and self.left_over - self.charged >= credits


def post_on_sqlite(
    connection: Connection, requests: Sequence[SpendRequest], now: datetime, debt_blocks: bool
) -> list[Outcome]:
    """Post what is batchable, without the host's rows."""
    owners = json.dumps([(slot_of(owner), owner) for owner in {request.owner for request in requests}])
    wallets = {row.owner: dict(row._mapping) for row in connection.execute(WALLETS, {"owners": owners})}
    seen = _seen(connection, requests, wallets)
    budgets = _budgets(connection, requests, wallets)
    outcomes: list[Outcome] = []
    entries: list[Row] = []
    moved: dict[str, Row] = {}
    for number, request in enumerate(requests):
        wallet = wallets.get(request.owner)
        if wallet is None or number in seen or not _is_batchable(wallet, request.credits, now, debt_blocks):
            outcomes.append(Outcome(True, None))
            continue
        at = _at(wallet, now)
        mine = budgets[wallet["id"], ""] + (budgets[wallet["id"], request.spender] if request.spender else [])
        if not all(budget.has_left(request.credits, at) for budget in mine):
            outcomes.append(Outcome(True, None))
            continue
        for budget in mine:
            budget.charged += request.credits
        wallet["seq"] += 1
        wallet["balance"] -= request.credits
        wallet["charged"] += request.credits
        wallet["at"] = at
        moved[request.owner] = wallet
        entries.append(_entry(wallet, request))
        outcomes.append(Outcome(True, Spent(wallet["seq"], wallet["balance"])))
    if entries:
        connection.execute(ENTRY, entries)
        connection.execute(MOVE, list(moved.values()))
    charged = [
        (budget.rowid, budget.charged)
        for (_, spender), mine in budgets.items()
        for budget in mine
        if spender and budget.charged
    ]
    if charged:
        connection.execute(CHARGE, {"charged": json.dumps(charged)})
    return outcomes


def _seen(connection: Connection, requests: Sequence[SpendRequest], wallets: dict[str, Row]) -> set[int]:
    """The places of requests whose key has posted before."""
    keys = [
        [wallet["slot"], wallet["id"], request.key] if (wallet := wallets.get(request.owner)) else []
        for request in requests
    ]
    return set(connection.scalars(SEEN, {"keys": json.dumps(keys)}))


def _budgets(
    connection: Connection, requests: Iterable[SpendRequest], wallets: dict[str, Row]
) -> defaultdict[tuple[int, str], list[BudgetRow]]:
    """The budgets that the requests count in, by wallet and spender."""
    budgets: defaultdict[tuple[int, str], list[BudgetRow]] = defaultdict(list)
    whose = {
        (wallet["slot"], wallet["id"], spender)
        for request in requests
        if (wallet := wallets.get(request.owner)) is not None and wallet["budget_changes"]
        for spender in ("", request.spender or "")
    }
    if whose:
        by_wallet = {wallet["id"]: wallet["charged"] for wallet in wallets.values()}
        rows = connection.execute(BUDGETS, {"whose": json.dumps(sorted(whose))})
        for wallet_id, spender, rowid, left_here, resets_at in rows:
            left_over = left_here if spender else left_here - by_wallet[wallet_id]
            budgets[wallet_id, spender].append(BudgetRow(rowid, left_over, resets_at))
    return budgets


def _entry(wallet: Row, request: SpendRequest) -> Row:
    return {
        "slot": wallet["slot"],
        "wallet_id": wallet["id"],
        "seq": wallet["seq"],
        "key": request.key,
        "credits": -request.credits,
        "balance": wallet["balance"],
        "at": wallet["at"],
        **NOTHING_SAID,
        **request.use.columns(),
    }


def _at(wallet: Row, now: datetime) -> datetime:
    """The time of what is spent now: never before the wallet's last move."""
    moved_at: datetime = wallet["moved_at"]
    return max(now, moved_at)


def _is_batchable(wallet: Row, credits: int, now: datetime, debt_blocks: bool) -> bool:
    due = wallet["next_expiry_at"] is not None and wallet["next_expiry_at"] <= _at(wallet, now)
    blocked = debt_blocks and wallet["debt"] > 0
    return not due and not blocked and wallet["balance"] - wallet["held"] >= credits
