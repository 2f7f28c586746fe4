"""The process dies at any line of a purchase; afterwards the tick puts everything right.

Each story is told with its lines drawn by a seed; more lines than there are is all of them. It
returns how many lines it died at, and fails by an assertion.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from sqlalchemy import select

import flask_prepaid
from flask_prepaid.payments.models import PaymentState, Refund
from flask_prepaid.purchases.money_back import refunds

from ..shop import Shop

SOURCE = str(Path(flask_prepaid.__file__).parent)
SEED = 20261101


class Killed(BaseException):
    """The process ends here: nothing that catches errors sees it, and nothing is committed any more."""


def run_until(line: int, story: Callable[[], Any]) -> bool:
    """Run ``story`` and die at the ``line``-th line of ours that it executes; whether it got there."""
    left = line

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal left
        if not frame.f_code.co_filename.startswith(SOURCE):
            return None
        if event == "line":
            left -= 1
            if left == 0:
                sys.settrace(None)
                raise Killed
        return trace

    sys.settrace(trace)
    try:
        story()
    except Killed:
        return True
    finally:
        sys.settrace(None)
    return False


def lines_of(story: Callable[[], Any]) -> int:
    """How many lines of ours ``story`` executes."""
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        if not frame.f_code.co_filename.startswith(SOURCE):
            return None
        count += event == "line"
        return trace

    sys.settrace(trace)
    try:
        story()
    finally:
        sys.settrace(None)
    return count


def sample(count: int, max_lines: int) -> list[int]:
    """Some of the lines, the same ones as long as the code stays the same."""
    return sorted(random.Random(SEED).sample(range(1, count + 1), min(max_lines, count)))


def put_right(shop: Shop) -> None:
    shop.put_right(ticks=2 + len(shop.payments()) // 50)


def charged_minor(shop: Shop) -> int:
    return sum(charge.amount for charge in shop.charges())


def open_page(shop: Shop, max_lines: int) -> int:
    """A purchase killed before its page is seen leaves nothing."""
    browser = shop.browser()
    shop.buy()
    lines = sample(lines_of(lambda: shop.send_form(browser, "/prepaid/buy", pack="starter")), max_lines)
    for line in lines:
        run_until(line, lambda: shop.send_form(browser, "/prepaid/buy", pack="starter"))
    put_right(shop)
    shop.stripe.advance(hours=25)
    put_right(shop)

    states = {payment.state for payment in shop.payments()}
    assert states <= {PaymentState.EXPIRED, PaymentState.FAILED}
    assert (shop.balance(), charged_minor(shop)) == (0, 0)
    return len(lines)


def settle(shop: Shop, max_lines: int) -> int:
    """A settle killed at any line gives the credits once in the end."""
    session = shop.buy()
    shop.pay(session)
    lines = sample(lines_of(lambda: shop.come_back(session)), max_lines)
    for line in lines:
        session = shop.buy()
        shop.pay(session)
        run_until(line, lambda id=session: shop.come_back(id))  # type: ignore[misc]
    put_right(shop)

    purchases = len(shop.payments())
    assert purchases == 1 + len(lines)
    assert (shop.balance(), charged_minor(shop)) == (100 * purchases, 500 * purchases)
    return len(lines)


def charge(shop: Shop, max_lines: int) -> int:
    """A charge killed at any line is paid and given, or neither."""
    card = shop.keep_card()
    browser = shop.browser()

    def press() -> None:
        shop.send_form(browser, "/prepaid/buy", pack="starter", saved_card=card)

    lines = sample(lines_of(press), max_lines)
    for line in lines:
        run_until(line, press)
    put_right(shop)

    paid = [payment for payment in shop.payments() if payment.state is PaymentState.PAID]
    assert {payment.state for payment in shop.payments()} <= {PaymentState.PAID, PaymentState.FAILED}
    assert (shop.balance(), charged_minor(shop)) == (100 * len(paid), 500 * len(paid))
    return len(lines)


def charge_by_invoice(shop: Shop, max_lines: int) -> int:
    """A charge by invoice killed at any line is paid and given, or neither; no invoice can be paid later."""
    browser = shop.browser()
    shop.send_form(browser, "/prepaid/billing", company="Ada GmbH", line1="Hauptstr. 1", country="DE")
    lines = charge(shop, max_lines)
    shop.stripe.advance(hours=25)
    put_right(shop)

    invoices = list(shop.dashboard().v1.invoices.list({"limit": 100}).auto_paging_iter())
    paid = [payment for payment in shop.payments() if payment.state is PaymentState.PAID]
    assert {invoice.status for invoice in invoices} <= {"paid", "void"}
    assert sum(invoice.status == "paid" for invoice in invoices) == len(paid)
    assert {payment.invoice_id for payment in paid} <= {invoice.id for invoice in invoices}
    return lines


def refund(shop: Shop, max_lines: int) -> int:
    """A refund killed at any line is sent once in the end."""
    shop.pay(shop.buy(credits="100"))
    shop.tick()

    def send_back(key: str) -> None:
        shop.read(lambda: refunds.refund(shop.prepaid, 1, amount_minor=1, reason="asked", key=key))

    lines = sample(lines_of(lambda: send_back("first")), max_lines)
    for line in lines:
        run_until(line, lambda key=f"wish-{line}": send_back(key))  # type: ignore[misc]
    put_right(shop)
    put_right(shop)

    rows = shop.read(lambda: shop.prepaid.session.scalars(select(Refund)).all())
    client = shop.dashboard()
    assert {refund.state for refund in rows} == {"succeeded"}
    assert len(list(client.v1.refunds.list({"limit": 100}).auto_paging_iter())) == len(rows)
    assert shop.payments()[0].refunded_minor == len(rows)
    return len(lines)


STORIES = (open_page, settle, charge, charge_by_invoice, refund)

#: Settings of the shop in which a story is told.
SETTINGS: dict[Callable[[Shop, int], int], dict[str, Any]] = {
    charge_by_invoice: {"PREPAID_AUTOMATIC_TAX": True, "PREPAID_INVOICES": True}
}
