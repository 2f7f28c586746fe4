"""Discounts and tax, cuts that add up, failures and their recovery, and what changes late at Stripe."""

from __future__ import annotations

import json
from collections import Counter, defaultdict

import pytest
from sqlalchemy import text

from flask_prepaid.reports import sales, sales_cuts
from flask_prepaid.reports.balance import copying
from stripe_emulator.core.database import store

from ..shop import Shop, ShopWith
from .made_up_days import client_of, live
from .reading import report


@pytest.fixture
def selling(shop_with: ShopWith) -> Shop:
    """A shop whose customers may have a promotion code, and pay tax."""
    return shop_with(PREPAID_PROMOTION_CODES=True)


def pay_with_code(shop: Shop, owner: str, percent_off: int) -> None:
    """Buy a starter pack by a promotion code."""
    client = client_of(shop).v1
    coupon = client.coupons.create({"percent_off": percent_off, "duration": "once"})
    client.promotion_codes.create({"code": "LESS", "promotion": {"type": "coupon", "coupon": coupon.id}})
    session = shop.buy(owner, pack="starter")
    shop.stripe.browser().post(f"/pay/{session}/promotion", data={"promotion_code": "LESS"})
    shop.pay(session)


def test_discounts_are_those_of_the_checkouts_and_the_gross_is_after_them(selling: Shop) -> None:
    pay_with_code(selling, "user:1", 20)
    selling.pay(selling.buy("user:2", pack="starter"))
    selling.command("sync")

    (total,) = report(selling, "sales")["totals"]

    sessions = client_of(selling).v1.checkout.sessions.list({"limit": 100}).data
    reported = sum(item.total_details.amount_discount for item in sessions if item.total_details)
    assert total["discounts_minor"] == reported == 100
    assert total["gross_minor"] == 900


@pytest.mark.parametrize("part", ["product", "currency", "country", "customer"])
def test_every_cut_adds_up_to_the_whole_in_each_currency(shop: Shop, part: str) -> None:
    live(shop, 6)
    shop.command("sync")

    reported = report(shop, "sales", "--by", part)

    sums: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in reported["rows"]:
        sums[row["currency"]].update({name: row[name] for name in sales.SHOWN})
    assert {currency: {name: cell[name] for name in sales.SHOWN} for currency, cell in sums.items()} == {
        total["currency"]: {name: total[name] for name in sales.SHOWN} for total in reported["totals"]
    }


def test_the_best_customers_come_first_and_the_others_share_a_line(shop: Shop) -> None:
    for n, times in ((1, 1), (2, 3), (3, 2)):
        for _ in range(times):
            shop.pay(shop.buy(f"user:{n}", pack="starter"))
    shop.command("sync")

    cuts = shop.read(lambda: sales_cuts.sales_by(shop.prepaid.session, "customer", max_cuts=2))

    assert [(cut.name, cut.sales.gross_minor, cut.is_rest) for cut in cuts] == [
        ("user:2", 1_500, False),
        ("user:3", 1_000, False),
        ("", 500, True),
    ]


def test_a_fee_that_is_filled_in_later_is_followed(shop: Shop) -> None:
    shop.pay(shop.buy())
    shop.command("sync")
    before = report(shop, "sales")["totals"][0]
    (moved,) = client_of(shop).v1.balance_transactions.list().data
    with shop.stripe.store.transaction():
        held = store.get("balance_transaction", moved.id)
        held["fee"], held["net"] = held["fee"] + 7, held["net"] - 7
        store.save(held)

    shop.command("sync")

    after = report(shop, "sales")["totals"][0]
    assert after["fees_minor"] == before["fees_minor"] + 7
    assert after["net_minor"] == before["net_minor"] - 7


def test_a_refund_that_fails_later_comes_back(shop: Shop) -> None:
    session = shop.buy()
    shop.stripe.pay(session, card="4000000000005126")
    (payment,) = shop.payments()
    client_of(shop).v1.refunds.create({"payment_intent": str(payment.payment_intent_id)})
    shop.stripe.advance(days=10)
    shop.command("sync")

    (total,) = report(shop, "sales")["totals"]

    moved = client_of(shop).v1.balance_transactions.list({"limit": 100}).data
    assert {item.type for item in moved} >= {"charge", "refund", "refund_failure"} or len(moved) == 3
    assert (total["refunds_minor"], total["net_minor"]) == (0, sum(item.net for item in moved))


def test_reconcile_names_a_balance_that_is_not_the_sum_of_its_copy_and_mends_it(shop: Shop) -> None:
    shop.pay(shop.buy())
    shop.stripe.advance(days=10)
    shop.pay(shop.buy("user:2"))
    shop.command("sync")
    with shop.app.app_context():
        for table in ("prepaid_movement", "prepaid_day_sum"):
            first = f"DELETE FROM {table} WHERE day = (SELECT min(day) FROM {table})"
            shop.prepaid.session.execute(text(first))
        shop.prepaid.session.execute(text("DELETE FROM prepaid_owner_sum WHERE owner = 'user:1'"))
        shop.prepaid.session.commit()

    compared = json.loads(shop.command("reconcile", "--json").stdout)
    mended = shop.command("reconcile", "--fix")

    assert [item["kind"] for item in compared["drift"]] == ["unbalanced"]
    assert mended.exit_code == 0, mended.output


def test_a_failed_charge_is_recovered_by_the_next_that_is_paid(shop: Shop) -> None:
    for owner in ("user:1", "user:2"):
        shop.press(shop.keep_card(owner, "4000000000000341"), owner)
    shop.stripe.advance(days=1)
    shop.pay(shop.buy("user:1"))
    shop.stripe.advance(days=40)

    (line,) = report(shop, "failures")["totals"]

    assert (line["failed"], line["recovered"], line["lost"]) == (2, 1, 1)
    assert (line["failed_minor"], line["recovered_minor"]) == (1_000, 500)


def test_a_tick_says_up_to_when_everything_is_counted(shop: Shop) -> None:
    shop.pay(shop.buy())
    assert report(shop, "credits")["counted_to"] is None
    before = shop.now()

    shop.tick()

    reported = report(shop, "credits")
    assert before.isoformat() <= reported["counted_to"] <= shop.now().isoformat()
    assert (reported["uncounted_wallets"], reported["undrawn_wallets"]) == (0, 0)
    shop.pay(shop.buy())
    assert report(shop, "credits")["uncounted_wallets"] == 1


def test_a_copy_that_is_begun_anew_doubles_nothing(shop: Shop) -> None:
    live(shop, 4)
    shop.command("sync")
    before = report(shop, "sales")

    shop.read(lambda: copying.sync(shop.prepaid, anew=True))

    assert report(shop, "sales") == before
