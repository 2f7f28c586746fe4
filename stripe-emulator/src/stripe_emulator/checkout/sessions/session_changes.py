"""An open Checkout Session is changed: by its shop, or by the customer on its page."""

from __future__ import annotations

from stripe_emulator.checkout.completion import session_intents
from stripe_emulator.checkout.lines import line_items, session_discounts, shipping
from stripe_emulator.core import money
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import objects


def update(session: Json, form: Form) -> Json:
    """Change what a request names; return the session.

    :raises InvalidRequest: It is not open any more, or the new lines can't be.
    """
    if form.keys() - {"metadata"}:
        must_be_open(session, "update")
    if "collected_information" in form and session["ui_mode"] == "hosted_page":
        raise InvalidRequest(
            "`collected_information` is not allowed when `ui_mode` is `hosted_page`.",
            param="collected_information",
        )
    changes = objects.patch(session, form, ())
    if "line_items" in form:
        lines = line_items.revise(session["_lines"], form["line_items"])
        if not lines or lines[0]["currency"] != session["currency"]:
            raise InvalidRequest("The lines must keep the session's currency.", param="line_items")
        changes |= {"_lines": lines, **line_items.totals(lines)}
    if details := (form.get("collected_information") or {}).get("shipping_details"):
        collected = {**session["collected_information"], "shipping_details": details}
        changes["collected_information"] = collected
    if "payment_intent_data" in form:
        changes["_payment_intent_data"] = (session["_payment_intent_data"] or {}) | form[
            "payment_intent_data"
        ]
    objects.change(session, **changes)
    session_discounts.choose(session, form)
    shipping.choose(session, form)
    if "line_items" in form or "shipping_options" in form:
        session_discounts.apply(session)
    if session["mode"] == "payment" and session["amount_total"]:
        money.check_charge(session["amount_total"], session["currency"], "line_items")
    session_intents.sync_intent(session)
    return session


def adjust(session: Json, line_id: str, quantity: str) -> None:
    """The customer wants another quantity of a line, as typed.

    :raises InvalidRequest: It can't be adjusted, or not so far.
    """
    line = next((line for line in session["_lines"] if line["id"] == line_id), None)
    adjustable = (line or {}).get("adjustable_quantity") or {"enabled": False}
    if line is None or not adjustable["enabled"]:
        raise InvalidRequest("The quantity of this line item can't be adjusted.", param="lineItem")
    minimum, maximum = adjustable["minimum"] or 0, adjustable["maximum"] or 99
    if not quantity.isascii() or not quantity.isdigit() or not minimum <= int(quantity[:9]) <= maximum:
        raise InvalidRequest(f"The quantity must be between {minimum} and {maximum}.", param="quantity")
    quantities = {sold["id"]: sold["quantity"] for sold in session["_lines"]} | {line_id: int(quantity)}
    kept = [{"id": sold_id, "quantity": count} for sold_id, count in quantities.items() if count]
    update(session, {"line_items": kept})


def ship_by(session: Json, rate_id: str) -> None:
    """The customer takes another way of shipping.

    :raises InvalidRequest: It is not offered.
    """
    shipping.take(session, rate_id)
    session_discounts.apply(session)
    session_intents.sync_intent(session)


def must_be_open(session: Json, verb: str) -> None:
    """:raises InvalidRequest: It is complete or expired."""
    if session["status"] != "open":
        raise InvalidRequest(
            f'Only Checkout Sessions with a status in ["open"] can be {verb}d. This Checkout Session has a'
            " status"
            f" of {session['status']}.",
            param="session",
        )
