"""The database below the books: durable commits, column types, upserts. Imports errors alone.

A public door: tables that stand beside the ledger's are made of the same parts.
"""

from .types import Base, BigInt, UtcDateTime, whole_numbers, words
from .upsert import insert

__all__ = ["Base", "BigInt", "UtcDateTime", "insert", "whole_numbers", "words"]
