"""Objects by their kind, with filters by state."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue

from stripe_emulator import controls
from stripe_emulator.core.types import Json
from stripe_emulator.pages.common.account import storage
from stripe_emulator.pages.dashboard.frame.frame import blueprint, latest, number, older, page
from stripe_emulator.pages.dashboard.frame.rows import rows_of

pages = blueprint("objects")

#: The kinds that a person asks for most, in this order.
FIRST = (
    "customer",
    "payment_intent",
    "subscription",
    "invoice",
    "checkout.session",
    "refund",
    "dispute",
    "product",
    "price",
)


@pages.get("/objects")
def kinds() -> ResponseReturnValue:
    """How many there are of each kind."""
    counts: dict[str, int] = controls.state(storage())["objects"]
    first = [(kind, counts[kind]) for kind in FIRST if kind in counts]
    others = [(kind, count) for kind, count in counts.items() if kind not in (*FIRST, "event")]
    return page("kinds", first=first, others=others)


@pages.get("/objects/<kind>")
def of_kind(kind: str) -> ResponseReturnValue:
    """Objects of one kind, newest first, of one state or of all."""
    chosen = request.args.get("state", "")
    where: Json = {_state_of(kind): _value(chosen)} if chosen else {}
    with storage().transaction(write=False) as transaction:
        values, before = latest(kind, where=where, before=number("before"))
        rows = rows_of(values)
        counts = transaction.execute(
            f"SELECT json_extract(body, '$.{_state_of(kind)}'), count(*) FROM object"
            " WHERE kind = ? AND NOT deleted GROUP BY 1 ORDER BY 2 DESC",
            (kind,),
        ).fetchall()
    states = [(_word(value), count) for value, count in counts if value is not None]
    return page(
        "objects",
        kind=kind,
        rows=rows,
        states=states if len(states) > 1 or chosen else [],
        chosen=chosen,
        older=older(f"/objects/{kind}", before, state=chosen),
    )


def _state_of(kind: str) -> str:
    """The field that says in which state an object of this kind is."""
    return "active" if kind in ("product", "price", "promotion_code", "plan", "payment_link") else "status"


def _word(value: object) -> str:
    """A state as it stands in an address."""
    return {1: "active", 0: "inactive"}.get(value, str(value)) if isinstance(value, int) else str(value)


def _value(word: str) -> object:
    return {"inactive": 0}.get(word, word) if word != "active" else [1, "active"]
