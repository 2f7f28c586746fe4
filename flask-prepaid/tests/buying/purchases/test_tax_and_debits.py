"""Prices to which tax is added, and money that a bank takes days to bring."""

from __future__ import annotations

import pytest

from flask_prepaid.payments.models import PaymentState
from flask_prepaid.purchases.money_back import refunds

from ..shop import Shop, ShopWith

PAYS_LATER, FAILS_LATER = "DE89370400440532013000", "DE62370400440532013001"


@pytest.fixture
def taxed(shop_with: ShopWith) -> Shop:
    """A shop that owes a tenth of each sale in its country."""
    shop = shop_with(PREPAID_AUTOMATIC_TAX=True)
    rate = {"display_name": "Sales tax", "percentage": 10, "inclusive": False, "country": "US"}
    shop.dashboard().v1.tax_rates.create(rate)  # type: ignore[arg-type]
    return shop


def test_tax_is_paid_on_top_and_buys_no_credits(taxed: Shop) -> None:
    session = taxed.buy()
    taxed.pay(session)

    assert "100 credits added for $5.50" in taxed.come_back(session).text
    assert (taxed.balance(), taxed.payments()[0].amount_minor, taxed.payments()[0].paid_minor) == (
        100,
        500,
        550,
    )


def test_a_bank_debit_that_is_on_its_way_is_of_the_sum_with_tax(taxed: Shop) -> None:
    session = taxed.buy(pack="berlin")
    taxed.stripe.pay(session, iban="DE08370400440532013003")  # takes three minutes

    assert "Your bank has not confirmed the payment of €7.70 yet." in taxed.come_back(session).text
    assert "€7.70" in taxed.browser().get("/prepaid/billing").text


def test_a_refund_of_all_that_was_paid_takes_all_credits_and_the_tax_goes_back(taxed: Shop) -> None:
    taxed.pay(taxed.buy())

    refund = taxed.read(lambda: refunds.refund(taxed.prepaid, 1, reason="asked for"))

    assert (refund.amount_minor, taxed.balance()) == (550, 0)


def test_our_own_page_leads_to_stripes_where_tax_needs_an_address(taxed: Shop) -> None:
    sent = taxed.send_form(taxed.browser(), "/prepaid/buy/custom", credits="10")

    assert sent.status_code == 303
    taxed.pay(taxed.session_of(sent))
    assert taxed.balance() == 10


def test_a_bank_debit_gives_its_credits_when_the_money_is_there(shop: Shop) -> None:
    session = shop.buy(pack="berlin")
    shop.stripe.pay(session, iban=PAYS_LATER)
    page = shop.come_back(session).text
    if shop.balance() == 0:
        assert "Do not pay again" in page

    shop.stripe.advance(days=5)

    assert (shop.balance(), shop.payments()[0].state) == (70, PaymentState.PAID)
    assert "70 credits added for €7.00" in shop.come_back(session).text


def test_until_a_bank_debit_is_through_nothing_is_given(shop: Shop) -> None:
    session = shop.buy(pack="berlin")
    shop.stripe.pay(session, iban="DE08370400440532013003")  # takes three minutes

    assert (shop.balance(), shop.payments()[0].state) == (0, PaymentState.PENDING)
    assert "Do not pay again" in shop.come_back(session).text
    shop.stripe.advance(minutes=4)

    assert (shop.balance(), shop.payments()[0].state) == (70, PaymentState.PAID)


def test_a_bank_debit_that_fails_days_later_gives_nothing(shop: Shop) -> None:
    session = shop.buy(pack="berlin")
    shop.stripe.pay(session, iban=FAILS_LATER)
    shop.stripe.advance(days=5)

    assert (shop.balance(), shop.payments()[0].state) == (0, PaymentState.FAILED)
    assert "Nothing was charged." in shop.come_back(session).text
