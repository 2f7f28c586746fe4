"""Lists, newest first, page by page.

Two objects of one second keep the order in which they were made: pages go by
``(created, sequence)``, so none is left out or shown twice while others are added.
https://docs.stripe.com/api/pagination
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from stripe_emulator.api import search as language
from stripe_emulator.core.database import store, transactions
from stripe_emulator.core.database.conditions import RANGE, conditions
from stripe_emulator.core.errors import InvalidRequest, no_such
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form, flat

LIMIT, MAX_LIMIT = 10, 100

#: Kinds of which a list leaves out what lives on a test clock, unless a filter names its owner.
ON_TEST_CLOCKS = {"customer", "invoice", "invoiceitem", "quote", "subscription", "subscription_schedule"}
NAMES_AN_OWNER = {"customer", "id", "invoice", "subscription", "test_clock"}


def page(kind: str, form: Form, *, url: str, where: Json | None = None, only: Iterable[str] = ()) -> Json:
    """One page of a kind.

    :param only: Parameters of the form that filter by the field of the same name.
    :param where: Fixed conditions as ``store.select`` takes them.
    :raises InvalidRequest: A limit out of range, or a cursor that is not in the list.
    """
    transactions.current().flush()
    wanted = dict(where or {}) | {name: form[name] for name in only if name in form}
    if kind in ON_TEST_CLOCKS and not wanted.keys() & NAMES_AN_OWNER:
        wanted["test_clock"] = None
    condition, values = conditions(wanted)
    limit = _limit(form)
    sql = f"SELECT id, body FROM object WHERE kind = ? AND NOT deleted{condition}"
    for operator, moment in _created(form.get("created")):
        sql += f" AND created {operator} ?"
        values.append(moment)

    backwards = "ending_before" in form
    if "starting_after" in form and backwards:
        raise InvalidRequest(
            "Received both starting_after and ending_before parameters. Please pass in only one.",
            param="ending_before",
        )
    cursor = form.get("ending_before") or form.get("starting_after")
    if cursor is not None:
        sql += f" AND (created, seq) {'>' if backwards else '<'} (?, ?)"
        values += _position(kind, cursor, "ending_before" if backwards else "starting_after")
    order = "ASC" if backwards else "DESC"
    sql += f" ORDER BY created {order}, seq {order} LIMIT ?"
    rows = transactions.current().execute(sql, (kind, *values, limit + 1)).fetchall()
    objects = [transactions.current().load(kind, row) for row in rows[:limit]]
    return list_of(objects[::-1] if backwards else objects, url=url, has_more=len(rows) > limit)


def search(kind: str, form: Form, *, url: str) -> Json:
    """One page of what a query finds, newest first; see ``search.py`` for what can be asked.

    What was written a moment ago is found at once, which Stripe does not promise.
    """
    matches = language.compile(form["query"], kind)
    limit = _limit(form)
    offset = int(form["page"]) if form.get("page", "").isascii() and form.get("page", "").isdigit() else 0
    if "page" in form and not offset:
        raise InvalidRequest("Invalid page: use the next_page of an earlier answer.", param="page")
    matching = [value for value in reversed(store.select(kind)) if matches(value)]
    more = len(matching) > offset + limit
    return {
        "object": "search_result",
        "data": matching[offset : offset + limit],
        "has_more": more,
        "next_page": str(offset + limit) if more else None,
        "url": url,
        "_total_count": len(matching),
    }


def page_v2(rows: Json, form: Form, *, url: str, cursor: str | None = None) -> Json:
    """A page as version 2 of the API shapes it, from one of version 1.

    :param form: The filters; the next page's URL repeats them.
    :param cursor: Where the next page begins, if not after the last row's id.
    """
    next_page = None
    if rows["has_more"]:
        again = {**form, "page": cursor or rows["data"][-1]["id"]}
        next_page = f"{url}?{urlencode(list(flat(again)))}"
    return {"data": rows["data"], "next_page_url": next_page, "previous_page_url": None}


def list_of(data: list[Json], *, url: str, has_more: bool = False) -> Json:
    """Stripe's list around objects that are all there."""
    return {"object": "list", "data": data, "has_more": has_more, "url": url}


def slice_of(data: list[Json], form: Form, *, url: str) -> Json:
    """A page of a short list that lies inside one object, in its own order, such as line items."""
    limit = _limit(form)
    order = [item["id"] for item in data]
    for name in ("starting_after", "ending_before"):
        if name in form and form[name] not in order:
            raise InvalidRequest(no_such("item", form[name]), code="resource_missing", param=name)
    start, end = 0, len(data)
    if "starting_after" in form:
        start = order.index(form["starting_after"]) + 1
    if "ending_before" in form:
        end = order.index(form["ending_before"])
        start = max(start, end - limit)
    return list_of(data[start:end][:limit], url=url, has_more=end - start > limit)


def _limit(form: Form) -> int:
    limit: int = form.get("limit", LIMIT)
    if not 1 <= limit <= MAX_LIMIT:
        bound = "greater than or equal to 1" if limit < 1 else f"less than or equal to {MAX_LIMIT}"
        raise InvalidRequest(
            f"This value must be {bound}.",
            code="parameter_invalid_integer",
            param="limit",
        )
    return limit


def _created(wanted: Any) -> list[tuple[str, int]]:
    if wanted is None:
        return []
    bounds = wanted.items() if isinstance(wanted, dict) else [("eq", wanted)]
    for name, moment in bounds:
        if name not in RANGE or not isinstance(moment, int):
            raise InvalidRequest(f"Invalid created: {name} {moment!r}"[:200], param=f"created[{name}]"[:200])
    return [(RANGE[name], moment) for name, moment in bounds]


def _position(kind: str, object_id: str, param: str) -> tuple[int, int]:
    row = (
        transactions.current()
        .execute("SELECT created, seq FROM object WHERE kind = ? AND id = ?", (kind, object_id))
        .fetchone()
    )
    if row is None:
        raise InvalidRequest(no_such(kind, object_id), code="resource_missing", param=param)
    return row[0], row[1]
