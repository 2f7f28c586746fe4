"""What a promotion code takes off is one sum, on pages, receipts and invoices as in books and reports."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from flask_prepaid import money
from flask_prepaid.testing import Databases
from stripe_emulator.core.errors import InvalidRequest

from ..subscriptions.plan_shop import PlanShop
from .reading import report

COUPONS: dict[str, dict[str, Any]] = {
    "LESS": {"percent_off": 20},
    "ODD": {"percent_off": 33.3},
    "OFF": {"amount_off": 123, "currency": "usd"},
    "ALL": {"percent_off": 100},
}

#: How the customer buys: the price, and how the page opens on which it is paid.
PRICES = {"pack": 500, "number": 5_700, "plan": 1_000}


@pytest.fixture
def mails() -> list[str]:
    return []


@pytest.fixture
def fair(databases: Databases, kind: str, mails: list[str]) -> Iterator[PlanShop]:
    """A shop that takes promotion codes, makes invoices and writes receipts."""
    shop = PlanShop(
        databases.fresh(kind),
        PREPAID_PROMOTION_CODES=True,
        PREPAID_INVOICES=True,
        PREPAID_BASE_URL="https://shop.example",
        email=lambda owner: "pat@shop.example",
        mail=lambda to, subject, text: mails.append(text),
    )
    for code, terms in COUPONS.items():
        wanted: Any = {"duration": "once", **terms}
        coupon = shop.v1.coupons.create(wanted)
        shop.v1.promotion_codes.create({"code": code, "promotion": {"type": "coupon", "coupon": coupon.id}})
    yield shop
    shop.close()


def open_page(shop: PlanShop, way: str) -> str:
    if way == "plan":
        return shop.choose("small")
    return shop.buy(credits="60") if way == "number" else shop.buy(pack="starter")


def type_code(shop: PlanShop, session: str, code: str) -> int:
    typed = shop.stripe.browser().post(f"/pay/{session}/promotion", data={"promotion_code": code})
    return typed.status_code


@pytest.mark.parametrize(
    ("way", "code"), [("pack", "ODD"), ("number", "OFF"), ("plan", "LESS"), ("pack", "ALL"), ("plan", "ALL")]
)
def test_the_sums_of_a_code_are_the_same_wherever_they_stand(
    fair: PlanShop, mails: list[str], way: str, code: str
) -> None:
    session = open_page(fair, way)
    type_code(fair, session, code)
    fair.pay(session)
    fair.tick()

    at_stripe = fair.v1.checkout.sessions.retrieve(session)
    assert at_stripe.total_details is not None
    paid, off = at_stripe.amount_total or 0, at_stripe.total_details.amount_discount
    (payment,), (invoice,) = fair.payments(), fair.v1.invoices.list().data
    assert (paid + off, payment.paid_minor, payment.discount_minor) == (PRICES[way], paid, off)
    assert (invoice.subtotal, invoice.total, invoice.amount_paid) == (PRICES[way], paid, paid)
    if way != "plan":
        page = fair.come_back(session).text
        assert f"added for {in_dollars(paid)}<" in page
        assert f"{in_dollars(paid)}, {in_dollars(off)} less by a code" in page
    (receipt,) = mails
    assert f"Discount: \N{MINUS SIGN}{in_dollars(off)}\nTotal: {in_dollars(paid)}\n" in receipt
    assert f'class="amount first">{in_dollars(paid)}<' in fair.browser().get("/prepaid/billing").text

    fair.command("sync")
    moved = [(row["gross_minor"], row["discounts_minor"]) for row in report(fair, "sales")["totals"]]
    journal = csv.DictReader(io.StringIO(fair.command("report", "journal", "--csv").stdout))
    sold = [Decimal(row["credit"]) for row in journal if row["account"] == "sales"]
    assert moved == ([(paid, off)] if paid else []), "what moved nothing at Stripe is no sale"
    assert sold == ([Decimal(paid) / 100] if paid else [])
    assert report(fair, "credits")["worth_minor"]["usd"]["sold"] == paid
    assert fair.command("reconcile").exit_code == 0


def test_a_code_that_ends_while_its_page_is_open_is_refused_and_the_price_is_paid(
    fair: PlanShop,
) -> None:
    session = open_page(fair, "pack")
    assert type_code(fair, session, "LESS") < 400
    (code,) = fair.v1.promotion_codes.list({"code": "LESS"}).data
    fair.v1.promotion_codes.update(code.id, {"active": False})

    with pytest.raises(InvalidRequest, match="no longer active"):
        fair.pay(session)
    assert "no credits were added" in fair.come_back(session).text
    assert type_code(fair, session, "LESS") == 422
    assert type_code(fair, session, "") < 400  # the payer takes it away
    fair.pay(session)

    assert "100 credits added for $5.00<" in fair.come_back(session).text
    assert (fair.payments()[0].paid_minor, fair.payments()[0].discount_minor) == (500, 0)


def in_dollars(minor: int) -> str:
    return money.show(minor, "usd")
