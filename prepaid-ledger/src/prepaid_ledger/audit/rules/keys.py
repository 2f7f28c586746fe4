"""Whether each key has posted once in its wallet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Select, func, select

from ...tables import Entry, Wallet
from ..scope.problem import Problem
from ..scope.scope import Which, kept_for_a_scope


def doubled_keys(connection: Connection, which: Which) -> Iterator[Problem]:
    for owner, key, times in connection.execute(_of_doubled_keys(which)):
        yield Problem("I8", owner, f"the key {key!r} has posted {times} times")


@kept_for_a_scope
def _of_doubled_keys(which: Which) -> Select[*tuple[Any, ...]]:
    return (
        select(Wallet.owner, Entry.key, func.count())
        .join(Wallet, Entry.of(Wallet))
        .where(which.has(Entry.wallet_id))
        .group_by(Wallet.owner, Entry.wallet_id, Entry.key)
        .having(func.count() > 1)
    )
