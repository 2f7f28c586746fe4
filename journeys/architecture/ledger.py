"""Who may import whom in the ledger: errors and time at the bottom, the verbs on top of all rooms."""

from __future__ import annotations

from types import EllipsisType

CHARTER: dict[str, set[str] | EllipsisType] = {
    "errors": set(),
    "clock": set(),
    "database": {"errors"},
    "tables": {"database"},
    "books": {"clock", "database", "errors", "tables"},
    "spends": {"books", "clock", "database", "errors"},
    "reading": {"books", "clock", "tables"},
    "audit": {"books", "tables"},
    "held_credits": {"database", "tables"},
    "verbs": {"audit", "books", "clock", "database", "errors", "held_credits", "reading", "spends", "tables"},
    "ledger": {"audit", "clock", "database", "spends", "verbs"},
    "aio": {"database", "ledger", "reading", "spends", "tables"},
    "testing": {"database"},
    "__init__": ...,
}
