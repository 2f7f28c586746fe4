"""Sales, from our copy of Stripe's balance, against what Stripe itself says."""

from __future__ import annotations

import csv
import io

import pytest

from ..beginnings import beginning
from ..shop import Shop
from .reading import report


@beginning
def sell_for_a_while(shop: Shop) -> None:
    """Two days, two currencies that the account keeps, a refund, a lost dispute and a won one."""
    shop.stripe.settlement(currencies=["usd", "jpy"])
    shop.pay(shop.buy(pack="starter"))
    shop.pay(shop.buy(pack="tokyo"))
    shop.stripe.advance(days=1)
    shop.pay(shop.buy(credits="10"))
    shop.pay(shop.buy(credits="20"))
    starter, _, ten, twenty = shop.payments()
    shop.dashboard().v1.refunds.create({"payment_intent": str(starter.payment_intent_id), "amount": 200})
    for payment, outcome in ((ten, "lost"), (twenty, "won")):
        opened = shop.stripe.dispute(payment.charge_id)
        shop.stripe.dispute(dispute=opened["id"], outcome=outcome)
    assert shop.command("sync").exit_code == 0


def test_sales_add_up_to_stripes_own_balance(shop: Shop) -> None:
    sell_for_a_while(shop)

    totals = {total["currency"]: total for total in report(shop, "sales")["totals"]}

    for currency in ("usd", "jpy"):
        moved = shop.dashboard().v1.balance_transactions.list({"currency": currency, "limit": 100})
        assert totals[currency]["net_minor"] == sum(movement.net for movement in moved.data)
        assert totals[currency]["fees_minor"] == sum(movement.fee for movement in moved.data)
    assert (totals["usd"]["gross_minor"], totals["usd"]["refunds_minor"]) == (3_500, 200)
    assert totals["usd"]["disputes_minor"] == 1_000


def test_each_day_has_its_line_and_the_lines_add_up(shop: Shop) -> None:
    sell_for_a_while(shop)

    sold = report(shop, "sales", "--currency", "usd")

    assert len(sold["rows"]) == 2
    for column in ("gross_minor", "refunds_minor", "disputes_minor", "fees_minor", "net_minor"):
        assert sum(row[column] for row in sold["rows"]) == sold["totals"][0][column]


def test_a_second_sync_copies_nothing_twice(shop: Shop) -> None:
    sell_for_a_while(shop)
    before = report(shop, "sales")

    again = shop.command("sync")

    assert "0 new" in again.stderr
    assert report(shop, "sales") == before


def test_from_and_to_are_days_and_both_count(shop: Shop) -> None:
    sell_for_a_while(shop)
    first, second = [row["day"] for row in report(shop, "sales", "--currency", "usd")["rows"]]

    only = report(shop, "sales", "--currency", "usd", "--from", second, "--to", second)

    assert [row["day"] for row in only["rows"]] == [second]
    assert report(shop, "sales", "--to", "2001-01-01") == {"rows": [], "totals": []}
    assert first < second


def test_a_month_is_one_line(shop: Shop) -> None:
    sell_for_a_while(shop)
    days = report(shop, "sales", "--currency", "usd")

    months = report(shop, "sales", "--currency", "usd", "--by", "month")

    assert months["totals"] == days["totals"]
    assert {row["day"][-2:] for row in months["rows"]} == {"01"}


def test_csv_has_the_same_numbers(shop: Shop) -> None:
    sell_for_a_while(shop)

    rows = list(csv.DictReader(io.StringIO(shop.command("report", "sales", "--csv").stdout)))

    assert [int(row["net_minor"]) for row in rows] == [
        row["net_minor"] for row in report(shop, "sales")["rows"]
    ]


def test_people_read_money_with_its_currency(shop: Shop) -> None:
    sell_for_a_while(shop)

    shown = shop.command("report", "sales").stdout

    assert "$35.00" in shown
    assert "¥700" in shown


@pytest.mark.parametrize("day", ["yesterday", "2026-02-30", "2026-1-5", "0001-01-01", "20260131"])
def test_what_is_no_day_is_asked_for_with_an_example(shop: Shop, day: str) -> None:
    result = shop.command("report", "sales", "--from", day)

    assert result.exit_code == 2
    assert "Write a day such as 2026-01-31" in result.stderr


def test_days_in_the_wrong_order_are_refused(shop: Shop) -> None:
    result = shop.command("report", "sales", "--from", "2026-02-01", "--to", "2026-01-31")

    assert result.exit_code == 2
    assert "--to lies before --from" in result.stderr
