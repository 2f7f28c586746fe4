"""Whether each key has posted once in its wallet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Select, func, select
from sqlalchemy.orm import aliased

from ...tables import Entry, Wallet
from ..scope.problem import Problem
from ..scope.scope import Moved, Which, kept_for_a_scope
from .guards import has_unique_keys


def doubled_keys(connection: Connection, which: Which) -> Iterator[Problem]:
    """Keys of the wallets that have posted more than once.

    Of a stretch they are the keys of its entries alone, each looked up among all of its wallet. Where the
    index is gone by which that is done, all keys of the wallet are compared.
    """
    if isinstance(which, Moved) and has_unique_keys(connection):
        doubled = _of_new_keys(which)
    else:
        doubled = _of_doubled_keys(which)
    for owner, key, times in connection.execute(doubled):
        yield Problem("I8", owner, f"the key {key!r} has posted {times} times")


@kept_for_a_scope
def _of_doubled_keys(which: Which) -> Select[*tuple[Any, ...]]:
    return (
        select(Wallet.owner, Entry.key, func.count())
        .join(Wallet, Entry.of(Wallet))
        .where(which.has(Entry.wallet_id, Entry.slot))
        .group_by(Wallet.owner, Entry.wallet_id, Entry.key)
        .having(func.count() > 1)
    )


def _of_new_keys(which: Moved) -> Select[*tuple[Any, ...]]:
    keys = select(Entry.wallet_id, Entry.slot, Entry.key).distinct()
    new = which.since(keys, Entry, Entry.seq).subquery("new").c
    same = aliased(Entry)
    times = select(func.count()).where(which.same_wallet(same, new), same.key == new.key).scalar_subquery()
    counted = select(new.wallet_id, new.slot, new.key, times.label("times")).subquery("counted").c
    return (
        select(Wallet.owner, counted.key, counted.times)
        .join(Wallet, (Wallet.id == counted.wallet_id) & (Wallet.slot == counted.slot))
        .where(counted.times > 1)
    )
