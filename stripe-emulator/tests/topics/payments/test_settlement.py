"""Several currencies: which balance the money comes to, at what rate, and what it costs."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from stripe_emulator import Emulator
from stripe_emulator.core.errors import InvalidRequest

from ..shop import Shop

AT_ONCE = "pm_card_bypassPending"


def moved(shop: Shop) -> list[tuple[str, int, str, int, bool]]:
    """Each movement of the balance, oldest first: type, amount, currency, fee, whether it was converted."""
    rows = shop.v1.balance_transactions.list({"limit": 100}).data[::-1]
    return [(row.type, row.amount, row.currency, row.fee, row.exchange_rate is not None) for row in rows]


def available(shop: Shop) -> dict[str, int]:
    return {row.currency: row.amount for row in shop.v1.balance.retrieve().available}


def test_euros_come_to_an_account_in_dollars_and_go_back_at_the_same_rate(shop: Shop) -> None:
    paid = shop.charge(AT_ONCE, amount=1000, currency="eur", expand=["latest_charge.balance_transaction"])
    charge: Any = shop.v1.charges.retrieve(str(paid.latest_charge.id), {"expand": ["balance_transaction"]})  # type: ignore[union-attr]
    shop.v1.refunds.create({"payment_intent": paid.id, "amount": 400})
    dispute = shop.emulator.dispute(charge.id, amount=600)
    shop.emulator.dispute(dispute=dispute["id"], outcome="won")

    rate = charge.balance_transaction.exchange_rate
    assert (charge.amount, charge.currency, dispute["currency"]) == (1000, "eur", "eur")
    assert rate == pytest.approx(0.99 / 0.92, rel=1e-5)
    assert moved(shop) == [
        ("charge", 1076, "usd", 61, True),
        ("refund", -430, "usd", 0, True),
        ("adjustment", -646, "usd", 1500, True),
        ("adjustment", 646, "usd", 0, True),
    ]
    assert [row["currency"] for row in dispute["balance_transactions"]] == ["usd"]
    assert available(shop).keys() == {"usd"}


def test_an_account_with_banks_for_both_keeps_them_apart_and_pays_each_out(shop: Shop) -> None:
    shop.emulator.settlement(default="eur", currencies=["eur", "gbp"])

    for currency in ("eur", "gbp", "usd"):
        shop.charge(AT_ONCE, amount=10_000, currency=currency)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.v1.payouts.create({"amount": 100, "currency": "usd"})
    shop.v1.payouts.create({"amount": 5_000, "currency": "gbp"})

    assert moved(shop) == [
        ("charge", 10_000, "eur", 320, False),
        ("charge", 10_000, "gbp", 320, False),
        ("charge", 9_108, "eur", 294, True),
        ("payout", -5_000, "gbp", 0, False),
    ]
    assert refused.value.code == "balance_insufficient"
    assert available(shop) == {"eur": 9_680 + 8_814, "gbp": 4_680}
    account = shop.v1.accounts.retrieve_current()
    assert account.default_currency == "eur"


@pytest.mark.parametrize(
    ("settles_in", "currency", "amount", "arrives"),
    [
        ("usd", "jpy", 1500, 990),  # yen have no cents
        ("jpy", "usd", 1000, 1485),
        ("usd", "kwd", 1000, 322),  # a thousand to the dinar
        ("usd", "krw", 13_300, 990),
    ],
)
def test_decimals_are_minded(shop: Shop, settles_in: str, currency: str, amount: int, arrives: int) -> None:
    shop.emulator.settlement(default=settles_in)

    shop.charge(amount=amount, currency=currency)

    assert moved(shop)[0][1:3] == (arrives, settles_in)


@pytest.mark.parametrize(
    ("currency", "fee"), [("usd", 1500), ("eur", 2000), ("gbp", 2000), ("jpy", 1300), ("huf", 540_000)]
)
def test_a_dispute_costs_what_it_costs_there(shop: Shop, currency: str, fee: int) -> None:
    shop.emulator.settlement(currencies=[currency])
    paid = shop.charge(amount=20_000, currency=currency)

    shop.emulator.dispute(paid)

    assert moved(shop)[-1] == ("adjustment", -20_000, currency, fee, False)


@pytest.mark.parametrize(
    ("settings", "param"),
    [
        ({"default": "xxx"}, "currencies"),
        ({"default": "usd", "currencies": ["eur"]}, "default"),
        ({"currencies": "eur"}, "currencies"),
        ({"bank": "eur"}, "bank"),
    ],
)
def test_what_no_account_has_is_refused(stripe_emulator: Emulator, settings: Any, param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        stripe_emulator.settlement(**settings)

    assert refused.value.param == param
