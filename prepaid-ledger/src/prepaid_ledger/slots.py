"""Slots: owners by a hash, in parts of one size. Every key of the ledger's tables begins with a slot.

By slots PostgreSQL keeps a large ledger in partitions, a distributed one in shards, and a shop spreads its
owners over servers. Imports nothing.
"""

from __future__ import annotations

from typing import Protocol
from zlib import crc32

#: How many there are, in every database and for good: rows lie by it, and a CHECK of the tables has it.
#: A partition has some of them, so that a ledger may have more or fewer partitions, and no row another slot.
SLOTS = 256


class WalletKey(Protocol):
    """By what a wallet is known: its slot and its number there."""

    @property
    def slot(self) -> int: ...

    @property
    def id(self) -> int: ...


def slot_of(owner: str) -> int:
    """The slot of an owner's wallet, from 0 to 255: CRC-32 of its UTF-8, modulo 256."""
    return crc32(owner.encode(errors="replace")) % SLOTS
