"""What belongs to an object: the objects that name it, those that it names, and what happened to them."""

from __future__ import annotations

from dataclasses import dataclass

from stripe_emulator.core.database import store, transactions
from stripe_emulator.core.types import Json
from stripe_emulator.pages.dashboard.frame.rows import Row, rows_of, state, title

#: Kind -> the column in which other objects name one of it; see ``core.database.schema``. Others: ``parent``.
_COLUMNS = {kind: kind for kind in ("customer", "payment_intent", "charge", "invoice", "subscription")}

#: The charges of a customer. A dispute or a refund names its charge alone, and belongs to the customer by it.
_CHARGES = "SELECT id FROM object WHERE kind = 'charge' AND customer = ?"

#: Rows of one kind that an object's page shows, and events of its timeline.
SHOWN, TIMELINE = 10, 40

#: The fields by which an object names another, with their labels.
_NAMED = {
    "customer": "Customer",
    "payment_intent": "Payment",
    "setup_intent": "Setup",
    "latest_charge": "Charge",
    "charge": "Charge",
    "invoice": "Invoice",
    "latest_invoice": "Latest invoice",
    "subscription": "Subscription",
    "payment_method": "Paid with",
    "default_payment_method": "Pays with",
    "product": "Product",
    "default_price": "Price",
    "coupon": "Coupon",
    "balance_transaction": "Balance transaction",
    "payment_link": "Payment link",
    "schedule": "Schedule",
    "source": "Source",
}


@dataclass(frozen=True)
class Section:
    """Objects of one kind that belong to another; ``count`` of them in all."""

    kind: str
    rows: list[Row]
    count: int


#: The kinds that are asked for most come first; what only says again what another kind says is left out.
_ORDER = (
    "payment_intent",
    "subscription",
    "invoice",
    "payment_method",
    "checkout.session",
    "refund",
    "dispute",
)
_LEFT_OUT = frozenset(["subscription_item", "invoice_payment", "line_item", "item", "balance_transaction"])


def sections(value: Json) -> list[Section]:
    """What names this object, by kind."""
    naming, values = _naming(value)
    counts = (
        transactions.current()
        .execute(
            f"SELECT kind, count(*) FROM object WHERE {naming} AND kind <> 'event' AND NOT deleted"
            " GROUP BY kind ORDER BY kind",
            values,
        )
        .fetchall()
    )
    ranks = {kind: rank for rank, kind in enumerate(_ORDER)}
    shown = sorted(
        ((kind, count) for kind, count in counts if kind not in _LEFT_OUT),
        key=lambda pair: (ranks.get(pair[0], len(ranks)), pair[0]),
    )
    return [_section(naming, values, kind, count) for kind, count in shown]


def named(value: Json) -> list[tuple[str, Json, str, str]]:
    """What this object names: a label, the object, its title and its state.

    What names a payment has that one alone and not its charge beside it. In a dispute the payment has no
    state: it would say the dispute's own again.
    """
    parent = (value.get("parent") or {}).get("subscription_details") or {}
    fields = {**value, "subscription": value.get("subscription") or parent.get("subscription")}
    fields["charge"] = None if fields.get("payment_intent") else fields.get("charge")
    pairs = []
    for field, label in _NAMED.items():
        name = fields.get(field)
        other = store.find_any(name) if isinstance(name, str) and name != value["id"] else None
        if other is not None:
            stands = state(other) if value["object"] != "dispute" else ""
            pairs.append((label, other, title(other) or other["id"], stands))
    return pairs


def timeline(value: Json) -> list[Json]:
    """Events about the object and about what names it, newest first."""
    column = _COLUMNS.get(value["object"])
    about = "json_extract(body, '$.data.object.id') = ?"
    values = [value["id"]]
    if column is not None:
        about += f" OR json_extract(body, '$.data.object.{column}') = ?"
        values.append(value["id"])
    if column == "customer":
        about += f" OR json_extract(body, '$.data.object.charge') IN ({_CHARGES})"
        values.append(value["id"])
    rows = transactions.current().execute(
        f"SELECT id, body FROM object WHERE kind = 'event' AND ({about}) ORDER BY seq DESC LIMIT {TIMELINE}",
        tuple(values),
    )
    return [transactions.current().load("event", row) for row in rows]


def _naming(value: Json) -> tuple[str, tuple[str, ...]]:
    """The condition that objects meet that belong to this one, and the values in it."""
    column = _COLUMNS.get(value["object"], "parent")
    if column == "customer":
        return f"(customer = ? OR customer IS NULL AND charge IN ({_CHARGES}))", (value["id"], value["id"])
    return f"{column} = ?", (value["id"],)


def _section(naming: str, values: tuple[str, ...], kind: str, count: int) -> Section:
    rows = transactions.current().execute(
        f"SELECT id, body FROM object WHERE kind = ? AND {naming} AND NOT deleted ORDER BY seq DESC LIMIT ?",
        (kind, *values, SHOWN),
    )
    return Section(kind, rows_of([transactions.current().load(kind, row) for row in rows]), count)
