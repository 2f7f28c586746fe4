"""What customers' balances at Stripe have bought: how it is looked at, and what of it was never theirs.

What comes of it stands in ``everything/table.py``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event

from flask_prepaid.payments.models import BalancePaid
from flask_prepaid.purchases.money_back import refunds
from flask_prepaid.purchases.money_back.twice import balance_money
from flask_prepaid.testing import Databases
from flask_prepaid.web import causes
from prepaid_ledger.errors import NothingToReverse

from ..subscriptions.plan_shop import PlanShop


@pytest.fixture
def shop(databases: Databases, kind: str) -> Iterator[PlanShop]:
    """The customer's plan has cost $10.00, which a credit note has given to the balance."""
    shop = PlanShop(databases.fresh(kind), PREPAID_INVOICES=True)
    shop.subscribe("small")
    shop.browser().get("/prepaid/cards")
    note: Any = {"invoice": shop.invoices()[0].stripe_id, "amount": 1_000, "credit_amount": 1_000}
    shop.v1.credit_notes.create(note)
    shop.stripe.deliver()
    yield shop
    shop.close()


def test_what_a_balance_has_bought_is_read_at_once_and_locked_in_everybodys_order(
    shop: PlanShop,
) -> None:
    """A plan's writers lock the plan before the wallet: who does it the other way round waits for ever."""
    shop.press(shop.saved_card("user:1"), pack="starter")
    shop.pass_time(days=29)
    shop.read(
        lambda: refunds.refund(shop.prepaid, shop.payments()[0].id, amount_minor=1_000, reason="asked for")
    )
    statements: list[str] = []

    def note(connection: object, cursor: object, statement: str, *more: object) -> None:
        statements.append(statement)

    with shop.app.app_context():
        event.listen(shop.db.engine, "before_cursor_execute", note)
    shop.read(lambda: balance_money.check(shop.prepaid, "user:1"))

    with shop.app.test_request_context(headers={"X-Owner": "user:1"}):
        words = causes.taken_back(shop.prepaid.entries("user:1"))
    assert [why.partition(":")[0] for key, why in words.items() if key.startswith("balance:")] == [
        "Paid from money that went back to you since"
    ] * 2
    assert shop.balance() == 50  # the pack is gone, and the half of the next month that was not charged
    locked = [match[1] for each in statements if (match := re.match(r"UPDATE prepaid_(\w+)", each))]
    order = [locked.index(table) for table in ("payment", "subscription", "wallet", "balance_paid")]
    assert order == sorted(order)
    assert len([each for each in statements if "FROM prepaid_dispute" in each and "sum(" in each]) == 1


def test_credits_that_are_refunded_cost_their_part_of_all_that_paid_for_them(shop: PlanShop) -> None:
    shop.press(shop.saved_card("user:1"), pack="starter")
    shop.pass_time(days=29)
    month = shop.payments()[-1]
    assert (month.amount_minor, month.charged_minor, shop.balance()) == (1_000, 500, 200)

    shop.read(lambda: shop.prepaid.refund(month.id, credits=40, reason="asked for"))

    assert (shop.payments()[-1].refunded_minor, shop.balance()) == (400, 160)
    with pytest.raises(NothingToReverse):  # the card has paid for no more than 10 others
        shop.read(lambda: shop.prepaid.refund(month.id, credits=20, reason="asked for"))


def test_what_is_too_little_to_be_charged_was_not_paid_by_the_balance(shop: PlanShop) -> None:
    """Of $5.00 the balance pays $4.51. Stripe does not charge 49 cents: they are owed there."""
    customer = shop.read(lambda: shop.prepaid.customer_id("user:1"))
    shop.v1.customers.update(customer, {"balance": -451})
    shop.press(shop.saved_card("user:1"), pack="starter")

    (row,) = shop.read(lambda: shop.prepaid.session.query(BalancePaid).all())
    assert (shop.payments()[-1].paid_minor, row.amount_minor) == (500, 451)
    assert shop.v1.customers.retrieve(customer).balance == 49
