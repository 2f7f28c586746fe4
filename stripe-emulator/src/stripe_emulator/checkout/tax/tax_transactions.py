"""Tax that is owed since something was sold, and is owed no longer. https://docs.stripe.com/api/tax/transactions"""

from __future__ import annotations

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.checkout.tax import tax_calculations
from stripe_emulator.core import ids
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import objects

register = Register()

KIND, LINE = "tax.transaction", "tax.transaction_line_item"
#: What a transaction has of its calculation.
COPIED = ("currency", "customer", "customer_details", "ship_from_details", "tax_date")


@register.post("/v1/tax/transactions/create_from_calculation")
def create_from_calculation(form: Form) -> Json:
    """https://docs.stripe.com/api/tax/transactions/create_from_calculation"""
    calculation = tax_calculations.alive(form["calculation"])
    _must_be_new(form["reference"])
    lines = [_line(line, "transaction", metadata=line["metadata"]) for line in calculation["_lines"]]
    return _made(
        calculation,
        form,
        lines,
        posted_at=form.get("posted_at", clock.now()),
        shipping_cost=calculation["shipping_cost"],
        type="transaction",
    )


@register.post("/v1/tax/transactions/create_reversal")
def create_reversal(form: Form) -> Json:
    """https://docs.stripe.com/api/tax/transactions/create_reversal"""
    original = store.named(KIND, form["original_transaction"], "original_transaction")
    if original["type"] == "reversal":
        raise InvalidRequest("A reversal can't be reversed.", param="original_transaction")
    _must_be_new(form["reference"])
    whole = form["mode"] == "full"
    earlier = _reversals(original)
    if any(_is_whole(reversal, original) for reversal in earlier):
        raise InvalidRequest(
            f"The tax transaction {original['id']} has already been fully reversed.",
            param="original_transaction",
        )
    if whole and (form.get("line_items") or form.get("shipping_cost")):
        raise InvalidRequest("A full reversal takes no line items.", param="line_items")
    if not whole and not (form.get("line_items") or form.get("shipping_cost")):
        raise InvalidRequest(
            "A partial reversal needs `line_items` or `shipping_cost`.",
            code="parameter_missing",
            param="line_items",
        )
    lines = [
        _line(line, "reversal", amount=-line["amount"], amount_tax=-line["amount_tax"], original=line["id"])
        for line in original["_lines"]
    ]
    if not whole:
        left = _left(original, earlier)
        lines = [_part(each, left, number) for number, each in enumerate(form.get("line_items") or [])]
    return _made(
        original,
        form,
        lines,
        posted_at=clock.now(),
        reversal={"original_transaction": original["id"]},
        shipping_cost=_less_shipping(original, form, whole),
        type="reversal",
        _whole=whole,
    )


@register.get("/v1/tax/transactions/{transaction}")
def retrieve(form: Form, transaction_id: str) -> Json:
    """https://docs.stripe.com/api/tax/transactions/retrieve"""
    return store.get(KIND, transaction_id, param="transaction")


@register.get("/v1/tax/transactions/{transaction}/line_items")
def list_line_items(form: Form, transaction_id: str) -> Json:
    """https://docs.stripe.com/api/tax/transactions/line_items"""
    transaction = store.get(KIND, transaction_id, param="transaction")
    return lists.slice_of(
        transaction["_lines"], form, url=f"/v1/tax/transactions/{transaction_id}/line_items"
    )


@register.computed(KIND)
def with_lines(transaction: Json) -> Json:
    """Its first lines, which a transaction always shows."""
    url = f"/v1/tax/transactions/{transaction['id']}/line_items"
    return {"line_items": lists.slice_of(transaction["_lines"], {}, url=url)}


def _must_be_new(reference: str) -> None:
    if store.select(KIND, {"reference": reference}, limit=1):
        raise InvalidRequest(
            f"A tax transaction with the reference {reference[:80]} exists already.", param="reference"
        )


def _made(source: Json, form: Form, lines: list[Json], **values: object) -> Json:
    return objects.create(
        KIND,
        **{name: source[name] for name in COPIED} | values,
        metadata=form.get("metadata"),
        reference=form["reference"],
        _lines=lines,
    )


def _line(line: Json, kind: str, *, original: str | None = None, **changes: object) -> Json:
    copied = ("amount", "amount_tax", "product", "quantity", "reference", "tax_behavior", "tax_code")
    return {
        **{name: line[name] for name in copied},
        "id": ids.new(LINE),
        "object": LINE,
        "livemode": False,
        "metadata": None,
        "reversal": {"original_line_item": original} if original else None,
        "type": kind,
        **changes,
    }


def _is_whole(reversal: Json, original: Json) -> bool:
    """Whether it was made as a full one; in a file of an earlier commit its amounts say so."""
    if "_whole" in reversal:
        return bool(reversal["_whole"])
    taken, given = ([line["amount"] for line in each["_lines"]] for each in (reversal, original))
    return [-amount for amount in taken] == given


def _reversals(original: Json) -> list[Json]:
    """What was reversed of a transaction, oldest first."""
    return store.select(KIND, {"reversal.original_transaction": original["id"]})


def _left(original: Json, reversals: list[Json]) -> dict[str, Json]:
    """The lines of a transaction by their ids, with the amounts that are not reversed yet."""
    left = {line["id"]: dict(line) for line in original["_lines"]}
    for reversal in reversals:
        for line in reversal["_lines"]:
            for name in ("amount", "amount_tax"):
                left[line["reversal"]["original_line_item"]][name] += line[name]
    return left


def _part(form: Form, known: dict[str, Json], number: int) -> Json:
    """A line of a partial reversal, whose amounts are negative.

    :param known: What is left of each line.
    """
    param = f"line_items[{number}]"
    if form["original_line_item"] not in known:
        raise InvalidRequest(
            f"No such line item: '{form['original_line_item']}'",
            code="resource_missing",
            param=f"{param}[original_line_item]",
        )
    line = known[form["original_line_item"]]
    for name in ("amount", "amount_tax"):
        if not -line[name] <= form[name] <= 0:
            raise InvalidRequest(
                f"The {name} must be negative, and no more than what is left of {line[name]}.",
                param=f"{param}[{name}]",
            )
    return _line(
        line,
        "reversal",
        original=line["id"],
        amount=form["amount"],
        amount_tax=form["amount_tax"],
        metadata=objects.merged({}, form["metadata"]) if form.get("metadata") else None,
        quantity=form.get("quantity", line["quantity"]),
        reference=form["reference"],
    )


def _less_shipping(original: Json, form: Form, whole: bool) -> Json | None:
    cost, given = original["shipping_cost"], form.get("shipping_cost")
    if cost is None or not (whole or given):
        return None
    part = given or {"amount": -cost["amount"], "amount_tax": -cost["amount_tax"]}
    return {**cost, "amount": part["amount"], "amount_tax": part["amount_tax"]}
