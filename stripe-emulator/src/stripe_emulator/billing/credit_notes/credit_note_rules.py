"""Credit notes: what they take off an open invoice, or give back of a paid one.

https://docs.stripe.com/invoicing/integration/programmatic-credit-notes
"""

from __future__ import annotations

from fractions import Fraction

from stripe_emulator import contract
from stripe_emulator.billing.invoices import invoice_payments, invoice_sums, invoices
from stripe_emulator.catalog import pricing
from stripe_emulator.catalog.sums.amounts import rounded
from stripe_emulator.core import ids
from stripe_emulator.core.database import store, transactions
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json
from stripe_emulator.events import events, objects
from stripe_emulator.payments.money_back import refunds

#: How money of a paid invoice is refunded, by the parameter that says so.
WAYS = ("refund_amount", "credit_amount", "out_of_band_amount")


def issue(invoice: Json, form: Json) -> Json:
    """Credit a part of an invoice, or the whole.

    :raises InvalidRequest: More than is left of it, or it is neither open nor paid.
    """
    if invoice["status"] not in ("open", "paid"):
        raise InvalidRequest(
            f"Credit notes can only be issued for open or paid invoices; this one is {invoice['status']}.",
            param="invoice",
        )
    lines = _lines(invoice, form)
    taxes = _summed_taxes(lines)
    added = sum(tax["amount"] for tax in taxes if tax["tax_behavior"] == "exclusive")
    total = sum(line["amount"] for line in lines) + added
    left = _left(invoice)
    if not 0 < total <= left:
        raise InvalidRequest(
            f"The sum of credit amount, refund amount and out of band amount ({total}) must be positive and"
            f" not more than what can be credited ({left}).",
            param="amount",
        )
    if invoice["status"] == "open" and (way := next((name for name in WAYS if form.get(name)), None)):
        raise InvalidRequest(
            f"You cannot specify {way}: this invoice has not been paid, so nothing can be given back.",
            param=way,
        )
    note = _note(invoice, form, lines, total, taxes)
    if invoice["status"] == "open":
        _reduce(invoice, total)
    else:
        _give_back(invoice, note, form, total)
    events.emit("credit_note.created", note)
    return note


def void(note: Json) -> Json:
    """Take a credit note of an open invoice back.

    :raises InvalidRequest: The invoice is paid, or the note is void already.
    """
    invoice = store.get("invoice", note["invoice"])
    if note["status"] == "void" or note["type"] != "pre_payment" or invoice["status"] != "open":
        raise InvalidRequest(
            "Only credit notes of open invoices can be voided, and only once.", param="credit_note"
        )
    _reduce(invoice, -note["amount"])
    objects.change(note, status="void", voided_at=clock.now())
    events.emit("credit_note.voided", note)
    return note


def _note(invoice: Json, form: Json, lines: list[Json], total: int, taxes: list[Json]) -> Json:
    note_id = ids.new("credit_note")
    paid = invoice["status"] == "paid"
    earlier = len(store.select("credit_note", {"invoice": invoice["id"]}))
    return objects.create(
        "credit_note",
        id=note_id,
        amount=total,
        amount_shipping=0,
        currency=invoice["currency"],
        customer=invoice["customer"],
        discount_amount=0,
        effective_at=form.get("effective_at", clock.now()),
        invoice=invoice["id"],
        lines={
            "object": "list",
            "data": lines,
            "has_more": False,
            "url": f"/v1/credit_notes/{note_id}/lines",
        },
        memo=form.get("memo"),
        metadata=form.get("metadata"),
        number=f"{invoice['number']}-CN-{earlier + 1:02d}",
        out_of_band_amount=form.get("out_of_band_amount"),
        pdf=f"{transactions.current().store.base_url}/invoice/{invoice['id']}/pdf",
        post_payment_amount=total if paid else 0,
        pre_payment_amount=0 if paid else total,
        reason=form.get("reason"),
        status="issued",
        subtotal=sum(line["amount"] for line in lines),
        subtotal_excluding_tax=total - sum(tax["amount"] for tax in taxes),
        total=total,
        total_excluding_tax=total - sum(tax["amount"] for tax in taxes),
        total_taxes=taxes,
        type="post_payment" if paid else "pre_payment",
    )


def _reduce(invoice: Json, amount: int) -> None:
    """Less to pay on an open invoice; one with nothing left is paid."""
    objects.change(
        invoice,
        "invoice.updated",
        amount_due=invoice["amount_due"] - amount,
        amount_remaining=invoice["amount_remaining"] - amount,
        pre_payment_credit_notes_amount=invoice["pre_payment_credit_notes_amount"] + amount,
    )
    intent = invoice_payments.intent_of(invoice)
    if invoice["amount_remaining"] == 0:
        invoice_payments.cancel_payment(invoice)
        invoices.paid(invoice)
    elif intent is not None:
        objects.change(intent, amount=invoice["amount_remaining"])


def _give_back(invoice: Json, note: Json, form: Json, total: int) -> None:
    """Refund money of a paid invoice as the form says: to the card, the balance, or elsewhere."""
    given = {way: form[way] for way in WAYS if form.get(way)}
    linked = _linked(form)
    given["linked"] = sum(refund["amount_refunded"] for refund in linked)
    if sum(given.values()) != total:
        raise InvalidRequest(
            f"The sum of credit amount, refund amount and out of band amount ({sum(given.values())}) must"
            f" equal the credit note's amount ({total}), since the invoice is paid.",
            param="amount",
        )
    changes: Json = {}
    if given.get("credit_amount"):
        moved = invoices.change_balance(
            store.named("customer", invoice["customer"], "credit_amount"),
            -given["credit_amount"],
            "credit_note",
            invoice["currency"],
            credit_note=note["id"],
            invoice=invoice["id"],
        )
        changes["customer_balance_transaction"] = moved["id"]
    shown = list(linked)
    if given.get("refund_amount"):
        refund = refunds.new(_charge_of(invoice), given["refund_amount"], {})
        shown.append({"amount_refunded": given["refund_amount"], "refund": refund["id"]})
    blank = {"payment_record_refund": None, "type": "refund"}
    objects.change(note, refunds=[blank | refund for refund in shown], **changes)
    credited = invoice["post_payment_credit_notes_amount"] + total
    objects.change(invoice, "invoice.updated", post_payment_credit_notes_amount=credited)


def _linked(form: Json) -> list[Json]:
    """``refunds[]``: what was refunded already and stands on the note."""
    shown = []
    for number, linked in enumerate(form.get("refunds") or []):
        refund = store.named("refund", linked.get("refund", ""), f"refunds[{number}][refund]")
        shown.append(
            {"amount_refunded": linked.get("amount_refunded", refund["amount"]), "refund": refund["id"]}
        )
    return shown


def _charge_of(invoice: Json) -> Json:
    """The charge that paid an invoice.

    :raises InvalidRequest: None did.
    """
    intent = invoice_payments.intent_of(invoice)
    if intent is None or intent["latest_charge"] is None:
        raise InvalidRequest(
            "This invoice was not paid by a charge; nothing can be refunded.", param="refund_amount"
        )
    return store.get("charge", intent["latest_charge"])


def _left(invoice: Json) -> int:
    """What of an invoice can still be credited."""
    if invoice["status"] == "open":
        return int(invoice["amount_remaining"])
    return int(invoice["total"] - invoice["post_payment_credit_notes_amount"])


def _lines(invoice: Json, form: Json) -> list[Json]:
    """The note's lines: parts of the invoice's, or sums of their own."""
    wanted = form.get("lines")
    if wanted:
        return [_line(invoice, line_form, f"lines[{number}]") for number, line_form in enumerate(wanted)]
    ways = sum(form.get(way) or 0 for way in WAYS)
    amount = form.get("amount") or ways or sum(refund["amount_refunded"] for refund in _linked(form))
    if not amount:
        raise InvalidRequest(
            "You must specify one of amount or lines.", code="parameter_missing", param="amount"
        )
    return [_made(amount, "custom_line_item", description=form.get("memo") or "Credit", quantity=1)]


def _line(invoice: Json, form: Json, param: str) -> Json:
    if form["type"] == "custom_line_item":
        quantity = form.get("quantity", 1)
        unit = form.get("unit_amount_decimal", form.get("unit_amount", 0))
        price = {"billing_scheme": "per_unit", "unit_amount_decimal": str(unit)}
        amount = form.get("amount") or pricing.total(price, quantity)
        return _made(
            amount,
            "custom_line_item",
            description=form.get("description"),
            quantity=quantity,
            unit_amount=form.get("unit_amount"),
            unit_amount_decimal=str(unit),
        )
    source = next(
        (line for line in invoice["lines"]["data"] if line["id"] == form.get("invoice_line_item")), None
    )
    if source is None:
        raise InvalidRequest(
            f"No such invoice line item: '{form.get('invoice_line_item')}'",
            code="resource_missing",
            param=f"{param}[invoice_line_item]",
        )
    whole = invoice_sums.after_discounts(source)
    quantity = form.get("quantity")
    share = whole * quantity // (source["quantity"] or 1) if quantity else whole
    amount = form.get("amount") or share
    return _made(
        amount,
        "invoice_line_item",
        description=source["description"],
        invoice_line_item=source["id"],
        quantity=quantity or source["quantity"],
        taxes=[_share_of_tax(tax, amount, whole) for tax in source["taxes"]],
    )


def _share_of_tax(tax: Json, amount: int, whole: int) -> Json:
    """The part of a line's tax that goes with a part of its amount."""
    part = Fraction(amount, whole) if whole else Fraction(0)
    return tax | {key: rounded(tax[key] * part) for key in ("amount", "taxable_amount")}


def _summed_taxes(lines: list[Json]) -> list[Json]:
    """The note's taxes by rate."""
    summed: dict[str, Json] = {}
    for line in lines:
        for tax in line["taxes"]:
            rate = tax["tax_rate_details"]["tax_rate"]
            before = summed.setdefault(rate, tax | {"amount": 0, "taxable_amount": 0})
            before["amount"] += tax["amount"]
            before["taxable_amount"] += tax["taxable_amount"]
    return list(summed.values())


def _made(amount: int, kind: str, **fields: object) -> Json:
    return contract.blank("credit_note_line_item") | {
        "id": ids.new("credit_note_line_item"),
        "amount": amount,
        "discount_amount": 0,
        "livemode": False,
        "metadata": {},
        "taxes": [],
        "type": kind,
        **fields,
    }
