"""A bank takes back a year that is given month by month, in its fifth month: what goes, and what comes again.

A year is $120.00, a month of it $10.00 and 100 credits, of which 30 at most move up. The customer spends 80
in each of the first five months: 20, 30, 30 and 30 move up, and 50 are left when the bank acts on June 10th.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from flask_prepaid.reports import credits, sales
from flask_prepaid.reports.selection import Selection
from flask_prepaid.subscriptions.models import State
from flask_prepaid.testing import Databases

from .month_shop import MonthShop
from .test_months import BEGINS

DISPUTED_AT = "2025-06-10T12:00:00"


@pytest.fixture
def shop(databases: Databases, kind: str) -> Iterator[MonthShop]:
    """Five months of a year are over but for twenty days."""
    shop = MonthShop(databases.fresh(kind))
    shop.subscribe("drip")
    for day in BEGINS[:5]:
        shop.go_to(f"{day}T12:00:00")
        shop.spend(80)
    shop.go_to(DISPUTED_AT)
    assert (shop.balance(), shop.owes()) == (50, 0)
    yield shop
    shop.close()


def dispute(shop: MonthShop, **how: Any) -> str:
    """The bank acts, and gets our evidence: it decides when it likes."""
    opened = shop.stripe.dispute(shop.charges()[0].id, **how)
    shop.v1.disputes.update(opened["id"], {"evidence": {"access_activity_log": "used"}, "submit": True})
    shop.stripe.deliver()
    shop.tick()
    return str(opened["id"])


def decide(shop: MonthShop, dispute_id: str, outcome: str) -> None:
    shop.stripe.dispute(dispute=dispute_id, outcome=outcome)
    shop.stripe.deliver()
    shop.tick()


def money(shop: MonthShop) -> tuple[int, int, int]:
    """Gross, disputes and fees of all time, as the report of sales has them."""
    shop.command("sync")
    total = shop.read(lambda: sales.totals(sales.sales(shop.prepaid.session, Selection())))["usd"]
    return total.gross_minor, total.disputes_minor, total.fees_minor


def lots(shop: MonthShop) -> list[tuple[int, str]]:
    """What is left of each lot, and the day on which it ends, the first end first."""
    rows = shop.read(lambda: shop.prepaid.ledger.lots("user:1"))
    return sorted(((int(lot.left), f"{lot.expires_at:%m-%d}") for lot in rows), key=lambda lot: lot[1])


def paid_and_not_used(shop: MonthShop) -> dict[str, int]:
    shop.tick()
    return dict(shop.read(lambda: credits.owed(shop.prepaid.session)).deferred_minor)


def test_a_bank_takes_what_is_left_of_the_year_and_what_was_spent_is_owed(shop: MonthShop) -> None:
    dispute(shop)

    assert (shop.balance(), shop.owes()) == (0, 400), "80 in each of five months; what lapsed is not owed"
    assert money(shop) == (12_000, 12_000, 378 + 1_500)
    assert paid_and_not_used(shop).get("usd", 0) == 0
    assert shop.row().cancel_at is not None, "the year is not charged again"
    for day in BEGINS[5:]:
        shop.go_to(f"{day}T12:00:00")
    assert len(shop.came()) == 5, "no month comes while the bank has its money"


def test_a_dispute_that_is_lost_leaves_the_debt_and_no_month_comes(shop: MonthShop) -> None:
    disputed = dispute(shop)
    shop.go_to("2025-08-05T12:00:00")

    decide(shop, disputed, "lost")
    shop.go_to("2026-03-31T12:00:00")

    assert (shop.balance(), shop.owes(), len(shop.came())) == (0, 400, 5)
    assert money(shop) == (12_000, 12_000, 378 + 1_500)
    assert shop.state() is State.CANCELED


def test_a_dispute_that_is_won_gives_everything_again_and_time_to_spend_it(shop: MonthShop) -> None:
    disputed = dispute(shop)
    for day in BEGINS[5:7]:
        shop.go_to(f"{day}T12:00:00")
    shop.go_to("2025-08-05T12:00:00")

    decide(shop, disputed, "won")

    # The 50 of the fifth month had 23 days left, with the grace; the sixth month had all of its 31. The
    # seventh runs, until the 31st and its grace.
    assert lots(shop) == [(50, "08-28"), (100, "09-03"), (100, "09-08")]
    assert (shop.balance(), shop.owes()) == (250, 0)
    assert money(shop) == (12_000, 0, 378 + 1_500), "the fee stays"
    assert paid_and_not_used(shop) == {"usd": 2_500}
    assert len(shop.came()) == 7


def test_after_a_dispute_that_was_won_the_months_go_on_to_the_years_end(shop: MonthShop) -> None:
    disputed = dispute(shop)
    shop.go_to("2025-08-05T12:00:00")
    decide(shop, disputed, "won")

    for day in BEGINS[7:]:
        shop.go_to(f"{day}T12:00:00")
    shop.go_to("2026-02-10T12:00:00")

    assert [credits for _, credits in shop.came()] == [100] * 12
    assert (shop.balance(), shop.owes(), shop.state()) == (0, 0, State.CANCELED)
    assert len(shop.charges()) == 1, "it ends with what was paid: its customer has called a bank"


def test_a_month_that_was_withheld_and_comes_in_its_own_time_rolls_over(shop: MonthShop) -> None:
    bank = dispute(shop)
    shop.go_to(f"{BEGINS[5]}T12:00:00")
    shop.go_to("2025-07-05T12:00:00")
    decide(shop, bank, "won")
    assert shop.balance() == 150

    shop.go_to(f"{BEGINS[6]}T13:00:00")

    assert shop.balance() == 130  # a month's credits came, and 30 of the last one's moved up
    shop.go_to("2025-08-07T12:00:00")
    assert shop.balance() == 130


def test_what_is_bought_while_a_bank_has_the_year_pays_the_debt_and_comes_back_with_it(
    shop: MonthShop,
) -> None:
    disputed = dispute(shop)
    shop.pay(shop.buy(pack="starter"))
    assert (shop.balance(), shop.owes()) == (0, 300)
    shop.go_to("2025-08-05T12:00:00")

    decide(shop, disputed, "won")

    assert (shop.balance(), shop.owes()) == (350, 0)


@pytest.mark.parametrize(("outcome", "months"), [("lost", 9), ("won", 12)])
def test_a_part_is_taken_from_the_last_months(shop: MonthShop, outcome: str, months: int) -> None:
    disputed = dispute(shop, amount=3_000)
    assert (shop.balance(), shop.owes()) == (50, 0), "three months that have not come"
    shop.go_to("2025-08-05T12:00:00")

    decide(shop, disputed, outcome)
    for day in BEGINS[7:]:
        shop.go_to(f"{day}T12:00:00")

    assert len(shop.came()) == months
    assert money(shop)[1] == (3_000 if outcome == "lost" else 0)


def test_a_dispute_after_a_refund_takes_what_is_left_and_no_more(shop: MonthShop) -> None:
    shop.refund(5_000)
    disputed = dispute(shop, amount=7_000)
    assert (shop.balance(), shop.owes()) == (0, 400)
    shop.go_to("2025-08-05T12:00:00")

    decide(shop, disputed, "won")
    for day in BEGINS[7:]:
        shop.go_to(f"{day}T12:00:00")

    assert (len(shop.came()), shop.owes()) == (7, 0), "five of the twelve months were refunded"
    assert money(shop)[:2] == (12_000, 0)
