"""Money that is heard of days after it came: on which day it was paid, and whether its receipt goes out.

As in books from a backup: they hear once more of what was paid since. Stripe tells these shops nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from flask_prepaid.purchases.auto_topup import topups
from stripe_emulator import Emulator

from ..meddling import Meddling
from ..purchases.test_paid_in_parts import pay_a_part
from ..purchases.test_promotions import make_codes
from ..subscriptions.plan_shop import ASKS_ALWAYS, PlanShop
from .conftest import Mail

LATE = "older than 3 days"
STARTED = datetime(2026, 1, 31, 12, tzinfo=UTC)
PAYS_LATE, PAYS_IN_DAYS = "DE08370400440532013003", "DE89370400440532013000"


def log(shop: PlanShop) -> list[tuple[str, str]]:
    """Each mail of the log, and why it wasn't sent."""
    return [(row.name, row.error) for row in shop.read(lambda: shop.prepaid.mails("user:1"))]


def is_at(moment: datetime | None, expected: datetime) -> bool:
    """Whether it is then, by a clock that goes on while a test runs."""
    return moment is not None and abs(moment - expected) < timedelta(minutes=1)


def test_a_bank_debit_that_takes_days_is_paid_when_the_money_is_there_and_has_its_receipt(
    opened: Callable[..., PlanShop], sent: list[Mail]
) -> None:
    shop = opened(webhooks=False)
    session = shop.buy(pack="berlin")
    shop.stripe.pay(session, iban=PAYS_LATE)
    shop.come_back(session)
    assert shop.payments()[0].state == "pending"

    shop.stripe.advance(days=4)
    shop.come_back(session)

    assert is_at(shop.payments()[0].paid_at, shop.now())
    assert (len(sent), log(shop)) == (1, [("receipt", "")])
    shop.close()


def test_a_bank_debit_that_was_never_seen_pending_is_paid_when_it_is_heard_of(
    opened: Callable[..., PlanShop], sent: list[Mail]
) -> None:
    """Its charge is as old as its page, and its money may have come a minute ago."""
    shop = opened(webhooks=False)
    shop.stripe.pay(shop.buy(pack="berlin"), iban=PAYS_IN_DAYS)
    assert shop.payments()[0].state == "open"

    shop.stripe.advance(days=5)
    shop.put_right()

    assert is_at(shop.payments()[0].paid_at, shop.now())
    assert (shop.balance(), len(sent), log(shop)) == (70, 1, [("receipt", "")])
    shop.close()


def test_what_several_charges_have_paid_is_paid_with_the_last_of_them(
    opened: Callable[..., PlanShop], sent: list[Mail]
) -> None:
    shop = opened(webhooks=False, PREPAID_INVOICES=True)
    shop.press(shop.keep_card(number=ASKS_ALWAYS))  # and the customer never answers the bank
    invoice = shop.payments()[0].invoice_id
    assert invoice is not None
    pay_a_part(shop, invoice, 200)
    shop.stripe.advance(days=4)
    pay_a_part(shop, invoice, 300)
    paid_at = shop.now()
    shop.stripe.advance(days=2)
    shop.put_right()

    payment = shop.payments()[0]
    assert payment.charged_minor == 500
    assert is_at(payment.paid_at, paid_at)
    assert (len(sent), log(shop)) == (1, [("receipt", "")])
    shop.close()


@pytest.mark.parametrize("way", ["a code for all of it", "a free pack", "the balance"])
def test_what_no_charge_has_paid_keeps_its_day_when_it_is_heard_of_late_and_sends_no_old_receipt(
    opened: Callable[..., PlanShop], sent: list[Mail], way: str
) -> None:
    emulator = Emulator()
    line = Meddling(emulator.http_client())
    by_invoice = way == "the balance"
    shop = opened(
        webhooks=False,
        emulator=emulator,
        http_client=line,
        PREPAID_PROMOTION_CODES=True,
        PREPAID_INVOICES=by_invoice,
    )
    if by_invoice:
        card = shop.keep_card()
        customer = shop.read(lambda: shop.prepaid.customer_id("user:1"))
        shop.v1.customers.update(customer, {"balance": -500})
        line.after["/finalize"] = partial(shop.stripe.chaos, lost_reply=1.0)
        shop.press(card)
        shop.stripe.chaos()
    else:
        session = shop.buy(pack="gift" if way == "a free pack" else "starter")
        if way != "a free pack":
            make_codes(shop, {"ALL": 100})
            shop.stripe.browser().post(f"/pay/{session}/promotion", data={"promotion_code": "ALL"})
        shop.pay(session)
    assert shop.balance() == 0

    shop.stripe.advance(days=4)
    shop.put_right()

    (payment,) = shop.payments()
    assert (payment.state, payment.charged_minor) == ("paid", 0)
    assert is_at(payment.paid_at, STARTED)
    assert (sent, log(shop)) == ([], [("receipt", LATE)])
    shop.close()


@pytest.mark.parametrize("receipts", [True, False])
def test_a_top_up_that_is_heard_of_late_is_told_to_nobody_with_receipts_or_without(
    opened: Callable[..., PlanShop], sent: list[Mail], receipts: bool
) -> None:
    shop = opened(webhooks=False, PREPAID_RECEIPTS=receipts)
    shop.keep_card()
    rule = partial(topups.switch_on, pack="starter", threshold=50, ceiling_minor=5_000)
    shop.read(lambda: rule(shop.prepaid, "user:1"))
    shop.stripe.chaos(lost_reply=1.0)
    shop.tick()
    shop.stripe.chaos()

    shop.stripe.advance(days=4)
    shop.put_right()

    assert shop.balance() == 100
    assert (sent, log(shop)) == ([], [("topup_done", LATE)])
    shop.close()
