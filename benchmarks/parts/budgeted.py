"""Spends with a spender, an item and two budgets, against plain ones: the ledger alone, in turns."""

from __future__ import annotations

import statistics
import sys
from pathlib import Path

from rando_number.extensions import db, prepaid

from . import ledger
from .databases import make, postgresql
from .rando import CREDITS, Shop

USE = ("key:17", "report")


def compare(folder: Path, *, customers: int, rounds: int, seconds: float, callers: int) -> dict[str, object]:
    """The rates of both and their ratio, by database; afterwards the books are audited."""
    with postgresql() as cluster:
        return {
            "postgresql": _compare(
                Shop.open(folder / "postgresql", make(cluster, "budgets"), 2 * customers),
                customers=customers,
                rounds=rounds,
                seconds=seconds,
                callers=callers,
            ),
            "sqlite": _compare(
                Shop.open(folder / "sqlite", None, 2 * customers),
                customers=customers,
                rounds=rounds,
                seconds=seconds,
                callers=callers,
            ),
        }


def _compare(shop: Shop, *, customers: int, rounds: int, seconds: float, callers: int) -> dict[str, float]:
    plain, budgeted = range(1, customers + 1), range(customers + 1, 2 * customers + 1)
    set_budgets(shop, budgeted)
    rates: dict[str, list[float]] = {"plain": [], "budgets": []}
    for turn in range(rounds):
        print(f"round {turn + 1} of {rounds}", file=sys.stderr)
        for name, wallets, use in (("plain", plain, ()), ("budgets", budgeted, USE)):
            rate = ledger.spends(shop.environment, wallets, callers=callers, seconds=seconds, use=use)
            rates[name].append(rate)
    problems = shop.problems()
    assert problems == [], problems[:5]
    medians = {name: round(statistics.median(measured), 1) for name, measured in rates.items()}
    return {**medians, "budgets_over_plain": round(medians["budgets"] / medians["plain"], 3)}


def set_budgets(shop: Shop, customers: range) -> None:
    with shop.app.app_context():
        for number in customers:
            owner = f"user:{number}"
            prepaid.set_budget(owner, CREDITS, spender=USE[0], every="month", zone="Europe/Berlin")
            prepaid.set_budget(owner, CREDITS, every="day")
        db.session.commit()
        db.engine.dispose()
