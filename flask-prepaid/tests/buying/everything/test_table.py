"""Each cell of the table is brought about on the emulator, and comes to what stands in it."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from flask_prepaid.testing import Databases

from ..subscriptions.plan_shop import PlanShop
from .cell import Cell
from .invoices import InvoiceCell
from .lots import LotCell
from .page import page
from .plans import PlanCell
from .table import INVOICES, LOTS, NEVER, PLANS, TABLES, TOPUPS, Table
from .topups import TopUpCell

#: From the first day of a plan until its second month is billed.
FIRST_MONTH = timedelta(days=29)

#: How far the clock goes on, once all in a shop have been brought into the state.
AFTER = {
    "lapsed": timedelta(days=31),
    **dict.fromkeys(("balance", "part", "outside", "open", "renewed"), FIRST_MONTH),
}

CELLS: dict[str, type[Cell]] = {
    LOTS.title: LotCell,
    INVOICES.title: InvoiceCell,
    PLANS.title: PlanCell,
    TOPUPS.title: TopUpCell,
}

PAGE = Path(__file__).parents[4] / "docs/reference/what-happens-when.md"


def opened(databases: Databases, kind: str) -> PlanShop:
    shop = PlanShop(databases.fresh(kind), PREPAID_PROMOTION_CODES=True)
    coupon = shop.v1.coupons.create({"percent_off": 100, "duration": "once"})
    shop.v1.promotion_codes.create({"code": "ALL", "promotion": {"type": "coupon", "coupon": coupon.id}})
    return shop


def pass_time(shop: PlanShop, time: timedelta) -> None:
    shop.stripe.advance(seconds=int(time.total_seconds()))
    shop.tick()


def come_to(
    databases: Databases, kind: str, table: Table, state: str
) -> tuple[dict[str, str], dict[str, str]]:
    """What each event comes to in a state, and what it must: all in one shop, each with its own customer."""
    wanted = {event: cell for event, cell in table.cells()[state].items() if not cell.startswith("-")}
    shop = opened(databases, kind)
    cells = [CELLS[table.title](shop, state, event, number) for number, event in enumerate(wanted, 1)]
    for cell in cells:
        cell.bring_about()
    if state in AFTER:
        pass_time(shop, AFTER[state])
    for cell in cells:
        if isinstance(cell, InvoiceCell):
            cell.after_the_month()
    came, waiting = {}, []
    for cell in cells:
        time = cell.begin()
        if time is None:
            came[cell.event] = cell.came()
        else:
            waiting.append((time, cell))
    gone = timedelta(0)
    for time, cell in sorted(waiting, key=lambda each: each[0]):
        pass_time(shop, time - gone)
        gone = time
        cell.go_on()
        came[cell.event] = cell.came()
    shop.close()
    return {event: came[event] for event in wanted}, wanted


STATES = [(table, state) for table in TABLES for state in table.states]


@pytest.mark.parametrize(
    ("table", "state"), [pytest.param(*each, id=f"{each[0].title}-{each[1]}") for each in STATES]
)
def test_every_event_comes_to_what_the_table_says(databases: Databases, table: Table, state: str) -> None:
    came, wanted = come_to(databases, "sqlite", table, state)

    assert came == wanted


@pytest.mark.parametrize(("table", "state"), Random(20).sample(STATES, 2))
def test_a_sample_of_it_holds_on_postgresql(databases: Databases, table: Table, state: str) -> None:
    came, wanted = come_to(databases, "postgresql", table, state)

    assert came == wanted


def test_a_cell_that_cannot_happen_says_why() -> None:
    named = {
        cell.removeprefix("-")
        for table in TABLES
        for column in table.cells().values()
        for cell in column.values()
        if cell.startswith("-")
    }

    assert named == set(NEVER)


def test_every_state_and_event_has_a_way_to_come_about() -> None:
    for table in TABLES:
        cell = CELLS[table.title]
        for name in table.states:
            assert hasattr(cell, name.replace(" ", "_")), name


def test_the_page_of_the_documentation_is_the_table() -> None:
    """``WRITE=1`` writes it anew."""
    if os.environ.get("WRITE"):
        PAGE.write_text(page())

    assert PAGE.read_text() == page()
