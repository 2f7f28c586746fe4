"""The database below the books: durable commits, column types, upserts, migrations. Imports ``errors`` and
``slots``.

A public door: tables that stand beside the ledger's are made of the same parts.
"""

from .addresses import address_of, url_of
from .busy import raising_busy
from .cures import no_right
from .engine import answer_within
from .partitions import partitions_of
from .rows import Stretch, Stretches, move_marks, table_of
from .turns import take_turns
from .types import Base, BigInt, UtcDateTime, whole_numbers, words
from .upgrade import LEDGER, Chain, downgrade, patiently, upgrade
from .upsert import insert

__all__ = [
    "LEDGER",
    "Base",
    "BigInt",
    "Chain",
    "Stretch",
    "Stretches",
    "UtcDateTime",
    "address_of",
    "answer_within",
    "downgrade",
    "insert",
    "move_marks",
    "no_right",
    "partitions_of",
    "patiently",
    "raising_busy",
    "table_of",
    "take_turns",
    "upgrade",
    "url_of",
    "whole_numbers",
    "words",
]
