"""Every object by its id: the functions here act on the transaction that they are called in.

    customer = store.get("customer", customer_id)     # 404 as Stripe words it
    customer["email"] = "jo@example.com"
    store.save(customer)

Objects are plain dicts, just as they go out. A key that begins with an underscore is the
emulator's own (a card's number, say) and never leaves. One transaction holds one dict per
object, so two reads of it see each other's changes; what is saved is written at its end.
"""

from __future__ import annotations

from stripe_emulator.core.database.conditions import conditions
from stripe_emulator.core.database.schema import BODY, row_of
from stripe_emulator.core.database.transactions import current, remember
from stripe_emulator.core.errors import InvalidRequest, NotFound, no_such
from stripe_emulator.core.types import Json


def get(kind: str, object_id: str, *, param: str = "id") -> Json:
    """The object that the URL names.

    :raises NotFound: 404, ``No such customer: 'cus_x'``.
    """
    known = find(kind, object_id)
    if known is None:
        raise NotFound(no_such(kind, object_id), code="resource_missing", param=param)
    return known


def named(kind: str, object_id: str, param: str) -> Json:
    """The object that a parameter names; one that is gone counts as missing.

    :raises InvalidRequest: 400, with ``param`` as the form spells it: ``line_items[0][price]``.
    """
    known = find(kind, object_id)
    if known is None or known.get("deleted"):
        raise InvalidRequest(no_such(kind, object_id), code="resource_missing", param=param)
    return known


def find(kind: str, object_id: str) -> Json | None:
    """The object, or None."""
    transaction = current()
    known = transaction.objects.get((kind, object_id))
    if known is not None or not object_id or kind not in _kinds():
        return known
    key = (kind, object_id)
    waiting = transaction.encoded.get(key) or transaction.store.unwritten.get(key)
    if waiting is not None:
        return transaction.load(kind, (object_id, waiting[BODY]))
    row = transaction.execute(
        "SELECT id, body FROM object WHERE id = ? AND kind = ?", (object_id, kind)
    ).fetchone()
    return None if row is None else transaction.load(kind, row)


def find_any(object_id: str) -> Json | None:
    """The object of whatever kind that has this id."""
    current().flush()
    row = current().execute("SELECT kind, id, body FROM object WHERE id = ?", (object_id,)).fetchone()
    return None if row is None else current().load(row[0], row[1:])


def save(value: Json) -> Json:
    """Keep an object, new or changed. Its ``object`` and ``id`` say which one it is."""
    transaction = current()
    key = (value["object"], value["id"])
    known = transaction.objects.setdefault(key, value)
    assert known is value, "two dicts for one object; save the one that the store gave you"
    transaction.unsaved[key] = None
    transaction.store.remembered.pop(key[0], None)
    _kinds().add(key[0])
    return value


def append(value: Json) -> None:
    """Keep an object that is never changed, as it is at this moment."""
    current().encoded[value["object"], value["id"]] = row_of(value["object"], value)
    _kinds().add(value["object"])


def _kinds() -> set[str]:
    """The kinds of which there are objects, or were: few, and nothing is looked for of any other."""
    return remember("kinds", _read_kinds)


def _read_kinds() -> set[str]:
    transaction = current()
    waiting = {kind for kind, _ in (*transaction.store.unwritten, *transaction.encoded)}
    rows = transaction.execute(  # from one kind to the next: a DISTINCT would read all of the index
        "WITH RECURSIVE known (kind) AS (SELECT min(kind) FROM object UNION ALL"
        " SELECT (SELECT min(kind) FROM object WHERE kind > known.kind) FROM known WHERE kind NOT NULL)"
        " SELECT kind FROM known"
    )
    return waiting | {kind for kind, _ in transaction.unsaved} | {kind for (kind,) in rows if kind}


def remove(value: Json) -> None:
    """Forget an object wholly. To leave a ``deleted: true`` behind, see ``objects.delete``."""
    key = (value["object"], value["id"])
    current().flush()
    current().execute("DELETE FROM object WHERE kind = ? AND id = ?", key)
    current().objects.pop(key, None)
    current().store.remembered.pop(key[0], None)


def select(kind: str, where: Json | None = None, *, limit: int = -1) -> list[Json]:
    """Objects of a kind, oldest first, whose fields have these values.

    :param where: Dotted path -> value; a list means any of them, and ``{"gte": 5}`` a range.
    """
    if kind not in _kinds():
        return []
    condition, values = conditions(where or {})
    sql = (
        f"SELECT id, body FROM object WHERE kind = ? AND NOT deleted{condition} ORDER BY created, seq LIMIT ?"
    )
    current().flush_for(kind, where or {})
    rows = current().execute(sql, (kind, *values, limit)).fetchall()
    return [current().load(kind, row) for row in rows]


def all_of(kind: str) -> list[Json]:
    """Every object of a kind, oldest first, to look at: they are remembered, and nobody may change them."""
    return remember(kind, lambda: select(kind))


def clear(*, keep_settings: tuple[str, ...] = ()) -> None:
    """Forget everything but the settings named."""
    transaction = current()
    transaction.forget()
    transaction.store.unlogged.clear()
    for table in ("object", "due", "delivery", "attempt", "attempt_sent", "answer", "request"):
        transaction.execute(f"DELETE FROM {table}")
    marks = ", ".join("?" * len(keep_settings))
    transaction.execute(f"DELETE FROM setting WHERE name NOT IN ({marks})", keep_settings)
