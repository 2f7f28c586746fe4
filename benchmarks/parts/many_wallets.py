"""Millions of wallets and entries, written by PostgreSQL itself."""

from __future__ import annotations

from typing import Any

import psycopg

#: A wallet for each number, with a gift and spends before now, as many days ago as there are spends.
WALLETS = """
INSERT INTO prepaid_wallet (id, slot, owner, balance, held, debt, seq, drawn_seq, moved_at, created_at)
SELECT n, get_byte(sha256(convert_to('{prefix}:' || n, 'UTF8')), 0), '{prefix}:' || n,
       1000000 - {spends}, 0, 0, {spends} + 1, 0, now(), now()
FROM generate_series({first}, {last}) n
"""
ENTRIES = """
INSERT INTO prepaid_entry (wallet_id, slot, seq, kind, key, credits, debt, balance_after, at, reason)
SELECT w, get_byte(sha256(convert_to('{prefix}:' || w, 'UTF8')), 0), s,
       CASE s WHEN 1 THEN 'grant' ELSE 'spend' END, 'bulk:' || w || ':' || s,
       CASE s WHEN 1 THEN 1000000 ELSE -1 END, 0, 1000001 - s,
       now() - ({spends} + 1 - s) * interval '1 day', CASE s WHEN 1 THEN 'benchmark' END
FROM generate_series({first}, {last}) w, generate_series(1, {spends} + 1) s
"""


def write_wallets(
    connection: psycopg.Connection[Any], prefix: str, numbers: range, *, entries_each: int
) -> None:
    """Write the wallet of ``prefix:N`` under the id N for each number, which none has yet.

    In one transaction of the caller's: ``now()`` is the same in all rows.
    """
    places = {"prefix": prefix, "first": numbers[0], "last": numbers[-1], "spends": entries_each - 1}
    connection.execute("SET LOCAL session_replication_role = replica")  # each entry has its wallet
    for statement in (WALLETS, ENTRIES):
        connection.execute(statement.format(**places).encode())
