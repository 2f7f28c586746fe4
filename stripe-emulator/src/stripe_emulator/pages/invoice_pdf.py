"""An invoice as a PDF."""

from __future__ import annotations

from stripe_emulator import money
from stripe_emulator.pages import describe, pdf
from stripe_emulator.pages.pdf import Page
from stripe_emulator.store import Json

LEFT, RIGHT, TOP, BOTTOM = 56, 539, 64, 760
LINE, LONGEST = 20, 68


def of(invoice: Json) -> bytes:
    """The file. Lines that do not fit go on to further pages."""
    pages = [Page()]
    y = _head(pages[0], invoice)
    for line in invoice["lines"]["data"]:
        if y > BOTTOM:
            pages.append(Page())
            y = TOP
        y = _line(pages[-1], y, line)
    if y + 8 * LINE > BOTTOM:
        pages.append(Page())
        y = TOP
    _sums(pages[-1], y, invoice)
    for number, page in enumerate(pages, 1):
        page.text(LEFT, 806, "Test mode: no money moved for this invoice.", size=8)
        page.right(RIGHT, 806, f"{invoice['number']}, page {number} of {len(pages)}", size=8)
    return pdf.document(pages, f"Invoice {invoice['number']}")


def _head(page: Page, invoice: Json) -> float:
    page.text(LEFT, TOP, "Invoice", size=24, bold=True)
    page.right(RIGHT, TOP, "Test shop", size=12, bold=True)
    facts = [("Invoice number", invoice["number"] or invoice["id"]), ("Date", _day(invoice, "finalized_at"))]
    if invoice["due_date"]:
        facts.append(("Due", describe.day(invoice["due_date"])))
    if invoice["status"] == "paid":
        facts.append(("Paid", _day(invoice, "paid_at")))
    y = float(TOP + 34)
    for label, value in facts:
        page.text(LEFT, y, label)
        page.text(LEFT + 100, y, value, bold=label == "Invoice number")
        y += 16
    y += 16
    page.text(LEFT, y, "Bill to", bold=True)
    for words in (invoice["customer_name"], invoice["customer_email"]):
        if words:
            y += 15
            page.text(LEFT, y, words)
    y += 34
    due = money.text(invoice["amount_remaining"], invoice["currency"])
    page.text(LEFT, y, f"{due} due" if invoice["status"] == "open" else _state(invoice), size=16, bold=True)
    y += 34
    page.text(LEFT, y, "Description", size=9)
    page.right(RIGHT, y, "Amount", size=9)
    page.rule(LEFT, y + 6, RIGHT)
    return y + LINE + 2


def _line(page: Page, y: float, line: Json) -> float:
    words = line["description"] or ""
    page.text(LEFT, y, words if len(words) <= LONGEST else words[: LONGEST - 3] + "...")
    page.right(RIGHT, y, money.text(line["amount"], line["currency"]))
    period = line["period"]
    if period["start"] != period["end"]:
        y += 13
        page.text(LEFT, y, f"{describe.day(period['start'])} to {describe.day(period['end'])}", size=8)
    return y + LINE


def _sums(page: Page, y: float, invoice: Json) -> None:
    page.rule(300, y - 10, RIGHT)
    for label, amount in sums(invoice):
        bold = label in ("Total", "Amount due")
        page.text(300, y + 4, label, bold=bold)
        page.right(RIGHT, y + 4, money.text(amount, invoice["currency"]), bold=bold)
        y += LINE


def sums(invoice: Json) -> list[tuple[str, int]]:
    """What stands under the lines, in order; what is nothing is left out."""
    discount = sum(one["amount"] for one in invoice["total_discount_amounts"] or [])
    tax = sum(one["amount"] for one in invoice["total_taxes"] or [])
    balance = (invoice["starting_balance"] or 0) - (invoice["ending_balance"] or 0)
    rows = [("Subtotal", invoice["subtotal"]), ("Discount", -discount), ("Tax", tax)]
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
