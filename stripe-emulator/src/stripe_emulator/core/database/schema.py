"""The tables of the store, and an object as a row of them."""

from __future__ import annotations

from typing import Any, TypeAlias

from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import encode

#: Column -> where its value stands in an object, first hit first. Lists filter by these without a scan.
INDEXED: dict[str, tuple[str, ...]] = {
    "customer": ("customer",),
    "payment_intent": ("payment_intent", "payment.payment_intent"),
    "charge": ("charge", "latest_charge"),
    "invoice": ("invoice",),
    "subscription": ("subscription", "parent.subscription_details.subscription"),
    "parent": ("_parent", "source", "product", "coupon", "setup_intent", "request.id"),
    "name": ("lookup_key", "code", "email"),
    "type": ("type",),
}

#: Where an indexed value may stand, and its column: the path that counts most comes last.
_STEPS = [
    (column, first, rest)
    for column, paths in enumerate(INDEXED.values())
    for first, *rest in (path.split(".") for path in reversed(paths))
]

_INDEXES = "".join(
    f"CREATE INDEX IF NOT EXISTS object_by_{column} ON object (kind, {column}, created, seq)"
    f" WHERE {column} IS NOT NULL;\n"
    for column in INDEXED
)

SCHEMA = f"""
CREATE TABLE IF NOT EXISTS object (
    seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL, created INTEGER NOT NULL,
    deleted INTEGER NOT NULL DEFAULT 0, body TEXT NOT NULL,
    {", ".join(f"{column} TEXT" for column in INDEXED)},
    UNIQUE (id, kind)
);
CREATE INDEX IF NOT EXISTS object_by_time ON object (kind, created, seq);
{_INDEXES}
CREATE TABLE IF NOT EXISTS due (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, clock TEXT, what TEXT NOT NULL, object TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS due_by_time ON due (clock, at, seq);
CREATE INDEX IF NOT EXISTS due_by_object ON due (object);
CREATE TABLE IF NOT EXISTS delivery (
    seq INTEGER PRIMARY KEY, event TEXT NOT NULL, endpoint TEXT NOT NULL, due_at REAL NOT NULL,
    rank REAL NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, leased_until REAL NOT NULL DEFAULT 0,
    status TEXT NOT NULL DEFAULT 'pending'
);
CREATE INDEX IF NOT EXISTS delivery_pending ON delivery (due_at) WHERE status = 'pending';
CREATE INDEX IF NOT EXISTS delivery_by_event ON delivery (event);
CREATE TABLE IF NOT EXISTS attempt (
    seq INTEGER PRIMARY KEY, delivery INTEGER NOT NULL, at INTEGER NOT NULL, status INTEGER,
    reply TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS attempt_sent (
    attempt INTEGER PRIMARY KEY, headers TEXT NOT NULL, body TEXT NOT NULL, milliseconds REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS attempt_by_delivery ON attempt (delivery);
CREATE TABLE IF NOT EXISTS answer (
    key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL,
    request TEXT NOT NULL, created INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS answer_by_time ON answer (created);
CREATE TABLE IF NOT EXISTS request (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL, at INTEGER NOT NULL, verb TEXT NOT NULL, path TEXT NOT NULL,
    status INTEGER NOT NULL, key TEXT, replayed INTEGER NOT NULL, lost INTEGER NOT NULL,
    milliseconds REAL NOT NULL, caller TEXT NOT NULL, version TEXT NOT NULL, agent TEXT NOT NULL,
    account TEXT NOT NULL, error TEXT NOT NULL, parameters TEXT NOT NULL, answer TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS request_by_id ON request (id);
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""

#: An object as ``INSERT`` takes it: its kind, its id, and so on; its JSON lies at ``BODY``.
Row: TypeAlias = tuple[Any, ...]
BODY = 4

INSERT = (
    f"INSERT INTO object (kind, id, created, deleted, body, {', '.join(INDEXED)})"
    f" VALUES (?, ?, ?, ?, ?{', ?' * len(INDEXED)})"
    " ON CONFLICT (id, kind) DO UPDATE SET created = excluded.created, deleted = excluded.deleted,"
    f" body = excluded.body, {', '.join(f'{column} = excluded.{column}' for column in INDEXED)}"
)

#: An answer to an idempotency key waits as such a row, too: ``ANSWER``, the key, and the other columns.
ANSWER = "answer"
INSERT_ANSWER = "INSERT OR REPLACE INTO answer VALUES (?, ?, ?, ?, ?, ?)"


def row_of(kind: str, value: Json) -> Row:
    """An object as a row for ``INSERT``."""
    fields: list[str | None] = [None] * len(INDEXED)
    for column, first, rest in _STEPS:
        part = value.get(first)
        if part is not None:
            for key in rest:
                part = part.get(key) if isinstance(part, dict) else None
            if isinstance(part, str):
                fields[column] = part
    gone = 1 if value.get("deleted") else 0
    return (kind, value["id"], value.get("created", value.get("_created", 0)), gone, encode(value), *fields)
