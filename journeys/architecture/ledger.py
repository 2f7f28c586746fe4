"""Who may import whom in the ledger: errors and time at the bottom, the verbs on top of all rooms."""

from __future__ import annotations

from types import EllipsisType

CHARTER: dict[str, set[str] | EllipsisType] = {
    "errors": set(),
    "checks": set(),
    "clock": set(),
    "database": {"errors", "slots"},
    "slots": set(),
    "tables": {"checks", "database", "slots"},
    "books": {"checks", "clock", "database", "errors", "slots", "tables"},
    "spends": {"books", "checks", "clock", "database", "errors", "slots"},
    "reading": {"books", "checks", "clock", "errors", "tables"},
    "audit": {"books", "checks", "database", "slots", "tables"},
    "archive": {"audit", "books", "checks", "clock", "database", "errors", "tables"},
    "prices": {"books", "checks", "database"},
    "units": {"checks", "prices"},
    "background": set(),
    "held_credits": {"books", "database", "errors", "prices", "tables"},
    "meters": {"background", "books", "checks", "clock", "database", "errors", "prices", "tables"},
    "verbs": {
        "archive",
        "audit",
        "books",
        "checks",
        "clock",
        "database",
        "errors",
        "held_credits",
        "meters",
        "prices",
        "reading",
        "spends",
        "tables",
    },
    "ledger": {"audit", "checks", "clock", "database", "prices", "spends", "verbs"},
    "aio": {
        "books",
        "database",
        "errors",
        "ledger",
        "meters",
        "prices",
        "reading",
        "spends",
        "tables",
    },
    "fastapi": {"aio", "background", "checks", "errors", "prices", "tables", "units"},
    "testing": {"database"},
    "__init__": ...,
}
