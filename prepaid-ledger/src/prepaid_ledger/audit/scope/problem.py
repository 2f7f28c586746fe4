"""What an audit finds, and what finds it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from sqlalchemy import Connection


class Problem(NamedTuple):
    """One thing that is off: which invariant, whose wallet (``None`` is all), and what was found."""

    invariant: str
    owner: str | None
    message: str

    def __str__(self) -> str:
        return f"{self.invariant} {self.owner or 'all wallets'}: {self.message}"


#: Finds what is off in tables that stand beside the ledger's, read from the same snapshot.
Rule = Callable[[Connection], Iterator[Problem]]
