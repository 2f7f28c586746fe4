"""Deferred revenue at the end of each day, against what the lots said on that day."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import URL, text

from flask_prepaid import Plan
from flask_prepaid.reports.deferred import moved
from prepaid_ledger import Ledger
from prepaid_ledger.database import Stretch

from ..shop import Shop, ShopWith
from .made_up_days import live
from .reading import report

OWNERS = ("user:1", "user:2", "user:3")


@pytest.fixture
def holding_shop(database: URL) -> Iterator[Shop]:
    """A shop where credits may be set aside for days, on SQLite and then on PostgreSQL."""
    shop = Shop(database, PREPAID_HOLD_EXPIRES_AFTER=timedelta(days=3))
    yield shop
    shop.close()


def live_and_look(shop: Shop, steps: int) -> dict[str, dict[str, int]]:
    """What is deferred when each day has ended, read from the lots."""
    deferred, held = {}, set[tuple[str, str]]()
    for step in range(steps):
        live(shop, 1, seed=step)
        with shop.app.app_context():
            for owner, key in held:
                shop.prepaid.capture(owner, key=key, credits=5)
            held = {(owner, key) for owner in OWNERS for key in set_aside(shop, owner, step)}
        shop.tick()
        deferred[shop.now().date().isoformat()] = report(shop, "credits")["deferred_minor"]
    return deferred


def set_aside(shop: Shop, owner: str, step: int) -> Iterator[str]:
    """Hold some of what is there until the next step, and give a spend back."""
    prepaid = shop.prepaid
    wallet = prepaid.wallet(owner)
    if wallet.available > 8 and not wallet.debt:
        prepaid.hold(owner, credits=4, key=f"job:{step}").extend(7)
        prepaid.spend_now(owner, credits=1, key=f"undone:{step}")
        prepaid.reverse(owner, spend_key=f"undone:{step}", key=f"back:{step}")
        prepaid.session.commit()
        yield f"job:{step}"


def closing(shop: Shop, day: str) -> dict[str, int]:
    """What a report up to a day says is deferred at its end."""
    worth = report(shop, "credits", "--to", day)["worth_minor"]
    return {currency: line["closing"] for currency, line in worth.items() if line["closing"]}


def test_what_is_deferred_at_a_days_end_is_what_the_lots_said_then(holding_shop: Shop) -> None:
    shop = holding_shop

    deferred = live_and_look(shop, 6)

    assert {day: closing(shop, day) for day in deferred} == deferred
    assert len({json.dumps(amounts) for amounts in deferred.values()}) > 3
    sums = rows(shop)
    with shop.app.app_context():
        for table in ("credit_sum", "counted"):
            shop.prepaid.session.execute(text(f"DELETE FROM prepaid_{table}"))
        shop.prepaid.session.commit()
    shop.tick()
    assert rows(shop) == sums  # all days at once, as each by itself


def test_a_hold_that_was_counted_and_grows_moves_nothing_until_it_is_captured(
    holding_shop: Shop,
) -> None:
    shop = holding_shop
    shop.pay(shop.buy(pack="bonus"))  # 120 credits for 1000
    shop.pay(shop.buy(pack="bonus"))

    def closing_now() -> int:
        shop.tick()
        shop.tick()  # the first may count before it draws
        reported = report(shop, "credits")
        assert reported["deferred_minor"] == {"usd": reported["worth_minor"]["usd"]["closing"]}
        closing: int = reported["deferred_minor"]["usd"]
        return closing

    with shop.app.app_context():
        hold = shop.prepaid.hold("user:1", credits=30, key="job:1")
        shop.prepaid.session.commit()
        assert closing_now() == 2_000
        hold.extend(60)
        shop.prepaid.session.commit()
        assert closing_now() == 2_000
        hold.extend(130)  # into the second pack
        shop.prepaid.session.commit()
        assert closing_now() == 2_000
        shop.prepaid.capture("user:1", key="job:1", credits=126)
        shop.prepaid.session.commit()
        assert closing_now() == 950
        shop.prepaid.hold("user:1", credits=6, key="job:2")
        shop.prepaid.session.commit()
        assert closing_now() == 950
        shop.prepaid.hold("user:1", credits=6, key="job:3").extend(12)
        shop.prepaid.release("user:1", key="job:2")
        shop.prepaid.session.commit()
        assert closing_now() == 950


def test_a_stretch_moves_the_same_where_a_hold_has_grown_behind_its_end(shop: Shop) -> None:
    """Somebody extends a hold between the choice of what is counted and the counting."""
    shop.pay(shop.buy())
    with shop.app.app_context():
        prepaid, session = shop.prepaid, shop.prepaid.session
        available = prepaid.wallet("user:1").available
        hold = prepaid.hold("user:1", credits=available, key="job:1")
        session.commit()
        shop.pay(shop.buy())
        ledger = Ledger(shop.db.engine)
        ledger.bring_up_to_date("user:1")
        of_wallet = session.execute(text("SELECT id, slot, seq FROM prepaid_wallet")).one()
        second = Stretch(of_wallet.id, of_wallet.slot, of_wallet.seq - 1, of_wallet.seq)
        day = shop.now().date()
        days = {(of_wallet.id, of_wallet.seq): day}
        in_time = moved(session, [second], days)

        hold.extend(available + 5)
        session.commit()
        ledger.bring_up_to_date("user:1")

        assert in_time.total() > 0
        assert moved(session, [second], days) == in_time
        prepaid.release("user:1", key="job:1")
        session.commit()


def rows(shop: Shop) -> list[Any]:
    with shop.app.app_context():
        statement = text(
            "SELECT day, kind, currency, worth_minor FROM prepaid_credit_sum"
            " WHERE entries > 0 OR worth_minor <> 0 ORDER BY 1, 2, 3"
        )
        return [tuple(row) for row in shop.prepaid.session.execute(statement)]


def test_a_month_opens_with_what_the_last_closed_with_and_earns_what_was_used(shop: Shop) -> None:
    shop.pay(shop.buy(pack="bonus"))
    with shop.app.app_context():
        shop.prepaid.spend_now("user:1", credits=30, key="before")
    shop.tick()
    first = shop.now().date()
    shop.stripe.advance(days=20)
    shop.pay(shop.buy("user:2", pack="starter"))
    with shop.app.app_context():
        shop.prepaid.spend_now("user:1", credits=12, key="after")
    shop.stripe.advance(days=20)
    shop.tick()

    later = report(shop, "credits", "--from", (first + timedelta(days=1)).isoformat())

    assert later["worth_minor"]["usd"] == {
        "opening": 750,
        "sold": 500,
        "earned": 100,
        "clawed_back": 0,
        "breakage": 650,
        "closing": 500,
    }
    assert later["deferred_minor"] == {"usd": 500}


def test_tax_is_never_revenue(shop_with: ShopWith) -> None:
    """A tenth comes on top of a pack and of a year, and goes to the state: no day defers or earns it."""
    year = Plan("year", credits=100, amount_minor=12_000, interval="year", every="month", roll_over=30)
    shop = shop_with(PREPAID_AUTOMATIC_TAX=True, plans=[year])
    vat: Any = {"display_name": "VAT", "percentage": 10, "inclusive": False, "country": "US"}
    shop.dashboard().v1.tax_rates.create(vat)
    shop.pay(shop.buy(pack="bonus"))
    shop.pay(shop.session_of(shop.send_form(shop.browser("user:2"), "/prepaid/plan", plan="year")))
    assert shop.payments()[0].paid_minor == 1_100
    assert shop.payments("user:2")[0].paid_minor == 13_200

    def money() -> dict[str, int]:
        for _ in range(2):  # a tick counts before it gives
            shop.tick()
        reported = report(shop, "credits")
        line: dict[str, int] = reported["worth_minor"]["usd"]
        assert reported["deferred_minor"].get("usd", 0) == line["closing"]
        return line

    assert (money()["sold"], money()["closing"]) == (1_000 + 1_000, 2_000)
    shop.read(lambda: shop.prepaid.spend_now("user:1", credits=60, key="work"))
    assert (money()["earned"], money()["closing"]) == (500, 1_500)
    dispute = shop.stripe.dispute(shop.payments()[0].payment_intent_id)
    taken = money()
    assert (taken["clawed_back"], taken["closing"]) == (1_000, 1_000)
    shop.stripe.dispute(dispute=dispute["id"], outcome="won")
    assert {**money(), "opening": 0} == {
        "opening": 0,
        "sold": 2_000,
        "earned": 500,
        "clawed_back": 0,
        "breakage": 0,
        "closing": 1_500,
    }
    shop.stripe.advance(days=32)  # 30 of the month's credits move up with their price, the pack's lapse
    later = money()
    assert (later["sold"], later["breakage"], later["closing"]) == (3_000, 500 + 700, 1_300)
