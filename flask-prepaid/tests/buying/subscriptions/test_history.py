"""From the rows that each change leaves, any day's monthly revenue can be told, and why it moved."""

from __future__ import annotations

from datetime import UTC, datetime

from flask_prepaid.subscriptions import history
from flask_prepaid.subscriptions.models import Move

from ..beginnings import beginning
from .plan_shop import PlanShop


def at(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


def mrr(shop: PlanShop, day: str) -> int:
    return int(shop.read(lambda: history.mrr(shop.prepaid.session, "usd", at(day))))


def moves(shop: PlanShop, start: str, end: str) -> dict[Move, int]:
    moves: dict[Move, int] = shop.read(lambda: history.moves(shop.prepaid.session, "usd", at(start), at(end)))
    return moves


@beginning
def live(shop: PlanShop) -> None:
    shop.subscribe("small")  # 31 January
    shop.subscribe("yearly", owner="user:2")
    shop.pass_time(days=10)
    shop.change("large")  # 10 February
    shop.pass_time(days=10)
    shop.change("small")  # takes effect on 28 February
    shop.pass_time(days=10)
    shop.do("cancel", when="now")  # 2 March
    shop.pass_time(days=10)
    shop.subscribe("large")  # 12 March


def test_each_kind_of_move_is_told_with_its_day(shop: PlanShop) -> None:
    live(shop)

    changes = [(row.move, f"{row.at:%m-%d}") for row in shop.history() if row.move is not Move.OTHER]
    assert changes == [
        (Move.NEW, "01-31"),
        (Move.EXPANSION, "02-10"),
        (Move.CONTRACTION, "02-28"),
        (Move.CHURN, "03-02"),
        (Move.REACTIVATION, "03-12"),
    ]


def test_the_monthly_revenue_of_any_day_is_told(shop: PlanShop) -> None:
    live(shop)
    a_year = 40_000 // 12

    days = ("2026-01-30", "2026-02-01", "2026-02-15", "2026-03-01", "2026-03-05", "2026-03-20")
    expected = [0, 1_000 + a_year, 4_000 + a_year, 1_000 + a_year, a_year, 4_000 + a_year]
    assert [mrr(shop, day) for day in days] == expected


def test_the_moves_of_a_month_add_up_to_its_revenues_change(shop: PlanShop) -> None:
    live(shop)

    february = moves(shop, "2026-02-01", "2026-03-01")

    assert february == {Move.EXPANSION: 3_000, Move.CONTRACTION: -3_000}
    assert sum(february.values()) == mrr(shop, "2026-03-01") - mrr(shop, "2026-02-01")


def test_a_trial_brings_nothing_in_until_it_is_paid(shop: PlanShop) -> None:
    shop.subscribe("trial")
    assert mrr(shop, "2026-02-10") == 0

    shop.pass_time(days=15)

    assert [(row.move, row.state, f"{row.at:%m-%d}") for row in shop.history()] == [
        (Move.OTHER, "trialing", "01-31"),
        (Move.NEW, "active", "02-14"),
    ]
