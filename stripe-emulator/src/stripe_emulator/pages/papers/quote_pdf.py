"""A quote as a PDF. https://docs.stripe.com/api/quotes/pdf"""

from __future__ import annotations

import textwrap

from stripe_emulator.core import money
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.types import Json
from stripe_emulator.pages.common import describe
from stripe_emulator.pages.papers import pdf
from stripe_emulator.pages.papers.pdf import PdfPage
from stripe_emulator.payments.account import account

LEFT, RIGHT, TOP, BOTTOM = 56, 539, 64, 760
LINE, LONGEST = 20, 68


def pdf_of(quote: Json) -> bytes:
    """The file of a quote that was finalized. Lines that do not fit go on to further pages.

    :raises InvalidRequest: It is a draft.
    """
    if quote["status"] == "draft":
        raise InvalidRequest("The PDF of a quote can be downloaded once it is finalized.", param="quote")
    pages = [PdfPage()]
    y = _head(pages[0], quote)
    for line in quote["_lines"]:
        if y > BOTTOM:
            pages.append(PdfPage())
            y = TOP
        quantity = line["quantity"] or 1
        words = f"{quantity} × {line['description']}" if quantity > 1 else line["description"]
        pages[-1].text(LEFT, y, textwrap.shorten(words, LONGEST, placeholder="..."))
        pages[-1].right(RIGHT, y, money.text(line["amount_subtotal"], quote["currency"]))
        y += LINE
    _foot(pages[-1], y, quote)
    return pdf.document(pages, f"Quote {quote['number']}")


def _head(page: PdfPage, quote: Json) -> float:
    page.text(LEFT, TOP, "Quote", size=24, bold=True)
    page.right(RIGHT, TOP, account.name(), size=12, bold=True)
    customer = store.find("customer", quote["customer"]) if quote["customer"] else None
    rows = [("Number", quote["number"] or quote["id"]), ("Good until", describe.day(quote["expires_at"]))]
    if customer:
        rows.append(("For", customer.get("name") or customer.get("email") or customer["id"]))
    y = float(TOP + 34)
    for label, words in rows:
        page.text(LEFT, y, label)
        page.text(LEFT + 100, y, words)
        y += 16
    for text in (quote["header"], quote["description"]):
        for words in textwrap.wrap(text or "", LONGEST):
            y += 16
            page.text(LEFT, y, words)
    return y + 2 * LINE


def _foot(page: PdfPage, y: float, quote: Json) -> None:
    details = quote["total_details"]
    rows = [
        ("Subtotal", quote["amount_subtotal"]),
        ("Discount", -details["amount_discount"]),
        ("Tax", details["amount_tax"]),
        ("Total", quote["amount_total"]),
    ]
    page.rule(300, y - 10, RIGHT)
    for label, amount in rows:
        if amount or label in ("Subtotal", "Total"):
            page.text(300, y + 4, label, bold=label == "Total")
            page.right(RIGHT, y + 4, money.text(amount, quote["currency"]))
            y += LINE
    for words in textwrap.wrap(quote["footer"] or "", LONGEST):
        y += 15
        page.text(LEFT, y, words, size=9)
