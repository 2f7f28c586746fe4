"""Slots, a public door: owners by a hash, in parts of about one size. One stands in every key of the tables.

By slots PostgreSQL keeps a large ledger in partitions, a distributed one in shards, and a shop spreads its
owners over servers. Imports nothing.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Protocol

#: How many there are, in every database and for good: rows lie by it, and a CHECK of the tables has it.
#: A partition has some of them, so that a ledger may have more or fewer partitions, and no row another slot.
SLOTS = 256


class WalletKey(Protocol):
    """By what a wallet is known: its number, and its slot."""

    @property
    def id(self) -> int: ...

    @property
    def slot(self) -> int: ...


def slot_of(owner: str) -> int:
    """The slot of an owner's wallet: the first byte of the SHA-256 of its UTF-8, 0 to 255.

    In PostgreSQL it is ``get_byte(sha256(convert_to(owner, 'UTF8')), 0)``.
    """
    return sha256(owner.encode(errors="replace")).digest()[0]
