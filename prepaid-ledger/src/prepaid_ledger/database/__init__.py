"""The database below the books: durable commits, column types, upserts, migrations. Imports errors alone.

A public door: tables that stand beside the ledger's are made of the same parts.
"""

from .engine import answer_within
from .transactions import raising_busy
from .types import Base, BigInt, UtcDateTime, whole_numbers, words
from .upgrade import LEDGER, Chain, downgrade, patiently, upgrade
from .upsert import insert

__all__ = [
    "LEDGER",
    "Base",
    "BigInt",
    "Chain",
    "UtcDateTime",
    "answer_within",
    "downgrade",
    "insert",
    "patiently",
    "raising_busy",
    "upgrade",
    "whole_numbers",
    "words",
]
