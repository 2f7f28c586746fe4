"""Brings a state about once, and lets each event happen to it, from there."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import groupby
from typing import Any

from flask_prepaid.testing import Databases

from ..purchases.test_carried_money import MORE
from ..subscriptions.month_shop import MONTHLY
from ..subscriptions.plan_shop import PLANS as PLANS_FOR_SALE
from ..subscriptions.plan_shop import PlanShop, moment
from . import told
from .balances import BalanceCell
from .billed import BilledCell
from .cell import Cell
from .changed import ChangedCell
from .codes import CodeCell
from .currencies import IN_DOLLARS, LARGER, PACK, PLAN, CurrencyCell
from .invoices import InvoiceCell
from .kept import Kept
from .lots import LotCell
from .months import MonthsCell
from .plan_tables import CHANGED, INVOICES, MONTHS, PLANS
from .plans import PlanCell
from .shape import Table
from .table import BALANCE, BILLED, CODES, CURRENCIES, LOTS, TOLD, TOPUPS
from .told import ToldCell
from .topups import TopUpCell

#: A month of 28 days begins here, so that its half is a whole number of credits.
START = "2026-01-31T12:00:00"

CELLS: dict[str, type[Cell]] = {
    LOTS.title: LotCell,
    INVOICES.title: InvoiceCell,
    PLANS.title: PlanCell,
    MONTHS.title: MonthsCell,
    CHANGED.title: ChangedCell,
    TOPUPS.title: TopUpCell,
    BILLED.title: BilledCell,
    BALANCE.title: BalanceCell,
    CODES.title: CodeCell,
    CURRENCIES.title: CurrencyCell,
    TOLD.title: ToldCell,
}


#: What a shop sells, or how it writes, where that is not as ever.
OTHERWISE: dict[str, dict[str, Any]] = {
    MONTHS.title: {"plans": MONTHLY},
    CHANGED.title: {"plans": (*PLANS_FOR_SALE, *MORE)},
    CURRENCIES.title: {"packs": [PACK], "quantity": None, "plans": [PLAN, LARGER, IN_DOLLARS]},
    TOLD.title: {
        "email": told.address_of,
        "mail": told.send,
        "PREPAID_BASE_URL": "https://shop.example",
    },
}


def opened(databases: Databases, kind: str, table: Table) -> PlanShop:
    """A shop whose clock stands still, but for what is let go by."""
    shop = PlanShop(
        databases.fresh(kind),
        **{"plans": PLANS_FOR_SALE, **OTHERWISE.get(table.title, {})},
        PREPAID_PROMOTION_CODES=True,
        PREPAID_TRIAL_PER_CARD=False,
        PREPAID_INVOICES=table in (BILLED, BALANCE),
        PREPAID_AUTOMATIC_TAX=table is BILLED,
    )
    shop.stripe.reset(now=moment(START), seed=20)
    if table is CURRENCIES:
        shop.stripe.settlement(currencies=["usd", "eur"])
    coupon = shop.v1.coupons.create({"percent_off": 100, "duration": "once"})
    shop.v1.promotion_codes.create({"code": "ALL", "promotion": {"type": "coupon", "coupon": coupon.id}})
    return shop


def wanted(table: Table, state: str) -> dict[str, str]:
    """What each event has to come to in a state; without those that can't happen."""
    return {event: cell for event, cell in table.cells()[state].items() if not cell.startswith("-")}


def play(
    databases: Databases, kind: str, table: Table, state: str, events: Collection[str]
) -> dict[str, str]:
    """What each of these events comes to in a state."""
    cell_type = CELLS[table.title]
    came: dict[str, str] = {}
    for card, group in groupby(sorted(events, key=cell_type.card_for), key=cell_type.card_for):
        shop = opened(databases, kind, table)
        came.update(play_each(shop, cell_type(shop, state, card), list(group)))
        shop.close()
    return {event: came[event] for event in events}


def play_each(shop: PlanShop, cell: Cell, events: list[str]) -> Iterator[tuple[str, str]]:
    """Bring the state about, and go back to it before each event. The books add up after each."""
    cell.bring_about()
    if cell.state in cell.after:
        cell.pass_time(cell.after[cell.state])
        cell.after_the_month()
    kept = Kept(shop)
    for event in events:
        kept.go_back()
        yield event, cell.come_to(event)
        assert shop.audit() == [], (cell.state, event)
