"""Search: by any part of an id, an address, a name, the last four digits of a card, an amount."""

from __future__ import annotations

import re
from decimal import Decimal

from flask import redirect, request
from flask.typing import ResponseReturnValue

from stripe_emulator.api import request_log
from stripe_emulator.core import money
from stripe_emulator.core.database import store, transactions
from stripe_emulator.core.types import Json
from stripe_emulator.pages.common import describe
from stripe_emulator.pages.common.account import storage
from stripe_emulator.pages.dashboard.frame.frame import blueprint, page
from stripe_emulator.pages.dashboard.frame.rows import rows_of

pages = blueprint("find")

#: How many objects are shown.
SHOWN = 50

#: Where an object keeps what a person would type.
_TEXTS = (
    "name",
    "email",
    "description",
    "number",
    "code",
    "phone",
    "lookup_key",
    "receipt_email",
    "customer_email",
    "customer_details.email",
    "billing_details.email",
    "billing_details.name",
    "customer_name",
)
_DIGITS = ("card.last4", "payment_method_details.card.last4", "sepa_debit.last4")
_AMOUNT = re.compile(r"[^\d.,\s-]{0,3}\s*(\d[\d,]{0,12}(?:\.\d{1,3})?)\s*([A-Za-z]{3})?")
#: Kinds that say again what another object says.
_LEFT_OUT = ("balance_transaction", "line_item", "item", "invoice_payment", "subscription_item")


@pages.get("/find")
def find() -> ResponseReturnValue:
    """Go to what has this id, or list what fits; nothing typed lists the latest."""
    wanted = request.args.get("q", "").strip()
    with storage().transaction(write=False):
        exact = store.find_any(wanted) if wanted else None
        logged = request_log.named(wanted) if wanted.startswith("req_") else None
        rows = [] if exact or logged else rows_of(_matching(wanted))
    if exact is not None:
        return redirect(f"/objects/{exact['object']}/{exact['id']}", 303)
    if logged is not None:
        return redirect(f"/logs/{wanted}", 303)
    return page("find", rows=rows, wanted=wanted, shown=SHOWN), 200 if rows or not wanted else 404


def _matching(wanted: str) -> list[Json]:
    """Objects that fit, newest first."""
    if not wanted:
        return _objects("kind <> 'event'", ())
    condition = "instr(id, ?) " + "".join(
        f" OR instr(lower(json_extract(body, '$.{path}')), ?)" for path in _TEXTS
    )
    values: list[str | int] = [wanted, *[wanted.lower()] * len(_TEXTS)]
    if re.fullmatch(r"\d{4}", wanted):
        condition += "".join(f" OR json_extract(body, '$.{path}') = ?" for path in _DIGITS)
        values += [wanted] * len(_DIGITS)
    # An address may also stand in an event, which is about an object that is found anyway.
    matching = _objects(f"({condition}) AND (kind <> 'event' OR instr(id, ?))", (*values, wanted))
    known = {value["id"] for value in matching}
    return [*matching, *(value for value in _of_amount(wanted) if value["id"] not in known)][:SHOWN]


def _of_amount(wanted: str) -> list[Json]:
    """Objects about this sum, as people write it: 12.34, $12.34, 500 JPY."""
    typed = _AMOUNT.fullmatch(wanted)
    if typed is None:
        return []
    amount, code = Decimal(typed[1].replace(",", "")), (typed[2] or "").lower()
    sums = [int(amount * 10**places) for places in (0, 2, 3)]
    marks = ", ".join("?" * len(sums))
    condition = " OR ".join(f"json_extract(body, '$.{field}') IN ({marks})" for field in describe.AMOUNTS)
    candidates = _objects(f"kind <> 'event' AND ({condition})", tuple(sums) * len(describe.AMOUNTS))
    return [
        value
        for value in candidates
        if isinstance(value.get("currency"), str)
        and (not code or value["currency"] == code)
        and describe.sum_of(value) == amount * 10 ** money.decimals(value["currency"])
    ]


def _objects(condition: str, values: tuple[str | int, ...]) -> list[Json]:
    marks = ", ".join("?" * len(_LEFT_OUT))
    rows = transactions.current().execute(
        f"SELECT kind, id, body FROM object WHERE {condition} AND kind NOT IN ({marks})"
        " ORDER BY seq DESC LIMIT ?",
        (*values, *_LEFT_OUT, SHOWN),
    )
    return [transactions.current().load(row[0], row[1:]) for row in rows]
