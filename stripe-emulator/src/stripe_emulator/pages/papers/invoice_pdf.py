"""An invoice as a PDF."""

from __future__ import annotations

import textwrap

from stripe_emulator.core import money
from stripe_emulator.core.types import Json
from stripe_emulator.pages.common import describe
from stripe_emulator.pages.papers import pdf
from stripe_emulator.pages.papers.pdf import PdfPage
from stripe_emulator.payments.account import account

LEFT, RIGHT, TOP, BOTTOM = 56, 539, 64, 760
LINE, LONGEST = 20, 68

#: What stands on an invoice whose customer pays the tax.
REVERSED = "Tax to be paid on reverse charge basis"


def pdf_of(invoice: Json) -> bytes:
    """The file of an invoice. Lines that do not fit go on to further pages."""
    pages = [PdfPage()]
    y = _columns(pages[0], _head(pages[0], invoice))
    for line in invoice["lines"]["data"]:
        if y > BOTTOM:
            pages.append(PdfPage())
            y = TOP
        y = _line(pages[-1], y, line)
    if y + 8 * LINE > BOTTOM:
        pages.append(PdfPage())
        y = TOP
    y = _sums(pages[-1], y, invoice)
    if is_reversed(invoice):
        y += 15
        pages[-1].text(LEFT, y, REVERSED, size=9)
    for words in textwrap.wrap(invoice["footer"] or "", LONGEST):
        y += 15
        pages[-1].text(LEFT, y, words, size=9)
    for number, page in enumerate(pages, 1):
        page.text(LEFT, 806, "Test mode: no money moved for this invoice.", size=8)
        page.right(RIGHT, 806, f"{invoice['number']}, page {number} of {len(pages)}", size=8)
    return pdf.document(pages, f"Invoice {invoice['number']}")


def _head(page: PdfPage, invoice: Json) -> float:
    page.text(LEFT, TOP, "Invoice", size=24, bold=True)
    page.right(RIGHT, TOP, account.name(), size=12, bold=True)
    rows = [("Invoice number", invoice["number"] or invoice["id"]), ("Date", _day(invoice, "finalized_at"))]
    if invoice["due_date"]:
        rows.append(("Due", describe.day(invoice["due_date"])))
    if invoice["status"] == "paid":
        rows.append(("Paid", _day(invoice, "paid_at")))
    rows += [(field["name"], field["value"]) for field in invoice["custom_fields"] or []]
    y = float(TOP + 34)
    for label, value in rows:
        page.text(LEFT, y, label)
        page.text(LEFT + 100, y, value, bold=label == "Invoice number")
        y += 16
    y += 16
    page.text(LEFT, y, "Bill to", bold=True)
    for words in billed_to(invoice):
        y += 15
        page.text(LEFT, y, words)
    y += 34
    due = money.text(invoice["amount_remaining"], invoice["currency"])
    page.text(LEFT, y, f"{due} due" if invoice["status"] == "open" else _state(invoice), size=16, bold=True)
    for words in textwrap.wrap(invoice["description"] or "", LONGEST):
        y += 18
        page.text(LEFT, y, words)
    return y + 34


def billed_to(invoice: Json) -> list[str]:
    """Name, address and tax ids of whoever pays, line by line."""
    address = invoice["customer_address"] or {}
    town = " ".join(address[key] for key in ("postal_code", "city") if address.get(key))
    known = [invoice["customer_name"], invoice["customer_email"]]
    known += [address.get("line1"), address.get("line2"), town, address.get("state"), address.get("country")]
    known += [f"Tax ID {tax_id['value']}" for tax_id in invoice["customer_tax_ids"] or []]
    return [words for words in known if words]


def is_reversed(invoice: Json) -> bool:
    """Whether the customer pays the tax to the state, which the invoice has to say."""
    return any(tax["taxability_reason"] == "reverse_charge" for tax in invoice["total_taxes"] or [])


def _columns(page: PdfPage, y: float) -> float:
    page.text(LEFT, y, "Description", size=9)
    page.right(RIGHT, y, "Amount", size=9)
    page.rule(LEFT, y + 6, RIGHT)
    return y + LINE + 2


def _line(page: PdfPage, y: float, line: Json) -> float:
    words = line["description"] or ""
    page.text(LEFT, y, words if len(words) <= LONGEST else words[: LONGEST - 3] + "...")
    page.right(RIGHT, y, money.text(line["amount"], line["currency"]))
    if unit := each(line):
        y += 13
        page.text(LEFT, y, unit, size=8)
    period = line["period"]
    if period["start"] != period["end"]:
        y += 13
        page.text(LEFT, y, f"{describe.day(period['start'])} to {describe.day(period['end'])}", size=8)
    return y + LINE


def each(line: Json) -> str:
    """What one of several costs, unless the description says so: "3 × $5.00"."""
    quantity = line["quantity"] or 1
    if quantity == 1 or line["amount"] % quantity or str(line["description"]).startswith(f"{quantity} ×"):
        return ""
    return f"{quantity} × {money.text(line['amount'] // quantity, line['currency'])}"


def _sums(page: PdfPage, y: float, invoice: Json) -> float:
    page.rule(300, y - 10, RIGHT)
    for label, amount in sums(invoice):
        bold = label in ("Total", "Amount due")
        page.text(300, y + 4, label, bold=bold)
        page.right(RIGHT, y + 4, money.text(amount, invoice["currency"]), bold=bold)
        y += LINE
    return y


def sums(invoice: Json) -> list[tuple[str, int]]:
    """What stands under the lines, in order; what is nothing is left out."""
    off = sum(discount["amount"] for discount in invoice["total_discount_amounts"] or [])
    tax = sum(tax_line["amount"] for tax_line in invoice["total_taxes"] or [])
    balance = (invoice["starting_balance"] or 0) - (invoice["ending_balance"] or 0)
    rows = [("Subtotal", invoice["subtotal"]), ("Discount", -off), ("Tax", tax)]
    kept = [(label, amount) for label, amount in rows if amount or label == "Subtotal"]
    kept.append(("Total", invoice["total"]))
    if balance:
        kept.append(("From the customer's balance", balance))
    if invoice["amount_paid"]:
        kept.append(("Paid", -invoice["amount_paid"]))
    return [*kept, ("Amount due", invoice["amount_remaining"])]


def _state(invoice: Json) -> str:
    words = {"paid": "Paid", "void": "Void", "uncollectible": "Not collected"}
    return words.get(invoice["status"], "Draft")


def _day(invoice: Json, moment: str) -> str:
    return describe.day(invoice["status_transitions"][moment] or invoice["created"])
