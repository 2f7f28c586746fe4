"""The process dies at any line of a purchase; afterwards the tick puts everything right."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import stripe
from sqlalchemy import select

import flask_prepaid
from flask_prepaid import moneyback
from flask_prepaid.models import PaymentState, Refund
from flask_prepaid.testing import Databases

from .shop import Shop

SOURCE = str(Path(flask_prepaid.__file__).parent)
SEED = 20261101

#: How many lines of each story are tried. More than there are is all of them.
SAMPLE = min(int(os.environ.get("PREPAID_CRASH_LINES", "12")), 2_000)


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


def sample(most: int) -> list[int]:
    """Some of the lines, the same ones as long as the code stays the same."""
    return sorted(random.Random(SEED).sample(range(1, most + 1), min(SAMPLE, most)))


def put_right(shop: Shop) -> None:
    """Time goes by, and the tick comes around; it looks at a hundred payments each time."""
    shop.stripe.advance(minutes=10)
    for _ in range(2 + SAMPLE // 50):
        shop.tick()


def charged_minor(shop: Shop) -> int:
    client = stripe.StripeClient("sk_test_shop", http_client=shop.stripe.http_client())
    charges = client.v1.charges.list({"limit": 100}).auto_paging_iter()
    return sum(charge.amount for charge in charges if charge.status == "succeeded")


def test_row_58_a_purchase_killed_before_its_page_is_seen_leaves_nothing(
    databases: Databases,
) -> None:
    shop = Shop(databases.fresh("sqlite"), webhooks=False)
    browser = shop.browser()
    shop.buy()
    count = lines_of(lambda: shop.send_form(browser, "/prepaid/buy", pack="starter"))

    for line in sample(count):
        run_until(line, lambda: shop.send_form(browser, "/prepaid/buy", pack="starter"))
    put_right(shop)
    shop.stripe.advance(hours=25)
    put_right(shop)

    states = {payment.state for payment in shop.payments()}
    assert states <= {PaymentState.EXPIRED, PaymentState.FAILED}
    assert (shop.balance(), charged_minor(shop)) == (0, 0)
    shop.close()


def test_row_58_a_settle_killed_at_any_line_gives_the_credits_once_in_the_end(databases: Databases) -> None:
    shop = Shop(databases.fresh("sqlite"), webhooks=False)
    session = shop.buy()
    shop.pay(session)
    count = lines_of(lambda: shop.come_back(session))

    for line in sample(count):
        session = shop.buy()
        shop.pay(session)
        run_until(line, lambda id=session: shop.come_back(id))  # type: ignore[misc]
    put_right(shop)

    purchases = len(shop.payments())
    assert purchases > SAMPLE or purchases > count
    assert (shop.balance(), charged_minor(shop)) == (100 * purchases, 500 * purchases)
    shop.close()


def test_row_58_a_charge_killed_at_any_line_is_paid_and_given_or_neither(databases: Databases) -> None:
    shop = Shop(databases.fresh("sqlite"), webhooks=False)
    shop.pay(shop.buy(pack="starter", keep_card="1"))
    shop.browser().get("/prepaid/cards")
    card = shop.saved_card()
    browser = shop.browser()

    def press() -> None:
        shop.send_form(browser, "/prepaid/buy", pack="starter", saved_card=card)

    for line in sample(lines_of(press)):
        run_until(line, press)
    put_right(shop)

    paid = [payment for payment in shop.payments() if payment.state is PaymentState.PAID]
    assert {payment.state for payment in shop.payments()} <= {PaymentState.PAID, PaymentState.FAILED}
    assert shop.balance() == 100 * len(paid)
    assert charged_minor(shop) == 500 * len(paid)
    shop.close()


def test_row_58_a_refund_killed_at_any_line_is_sent_once_in_the_end(databases: Databases) -> None:
    shop = Shop(databases.fresh("sqlite"), webhooks=False)
    shop.pay(shop.buy())
    shop.tick()

    def send_back(key: str) -> None:
        shop.read(lambda: moneyback.refund(shop.prepaid, 1, amount_minor=1, reason="asked", key=key))

    count = lines_of(lambda: send_back("first"))
    for line in sample(count):
        run_until(line, lambda key=f"wish-{line}": send_back(key))  # type: ignore[misc]
    put_right(shop)

    refunds = shop.read(lambda: shop.prepaid.session.scalars(select(Refund)).all())
    client = stripe.StripeClient("sk_test_shop", http_client=shop.stripe.http_client())
    assert {refund.state for refund in refunds} == {"succeeded"}
    assert len(list(client.v1.refunds.list({"limit": 100}).auto_paging_iter())) == len(refunds)
    assert shop.payments()[0].refunded_minor == len(refunds)
    shop.close()


@pytest.mark.parametrize("fault", ["api_500", "lost_reply"])
def test_rows_21_and_22_an_error_before_or_after_the_work_never_charges_twice(
    deaf_shop: Shop, fault: str
) -> None:
    shop = deaf_shop
    shop.stripe.chaos(**{fault: 0.4}, seed=SEED)
    sessions = []
    for _ in range(10):
        sent = shop.send_form(shop.browser(), "/prepaid/buy", pack="starter")
        sessions += [shop.session_of(sent)] if sent.status_code == 303 else []
    shop.stripe.chaos()
    for session in sessions:
        shop.pay(session)

    put_right(shop)

    assert shop.balance() == 100 * len(sessions)
    assert charged_minor(shop) == 500 * len(sessions)
