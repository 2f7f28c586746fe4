"""What the reports say is what Stripe and the ledger say, counted by other means."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import select, text

from flask_prepaid.reports import sales, sales_cuts
from flask_prepaid.reports.balance import copying
from flask_prepaid.reports.days import Span
from flask_prepaid.reports.models import Copying
from flask_prepaid.reports.selection import Selection

from ..shop import Shop
from .made_up_days import client_of, live, movements, recount_credits, recount_sales
from .reading import report, rows_of, without_zeros


@pytest.mark.each_database
def test_made_up_days_are_what_moved_at_stripe_and_what_the_entries_say(shop: Shop) -> None:
    live(shop, 12, seed=11)

    assert shop.command("sync").exit_code == 0

    days_are_those_of_stripe_and_of_the_entries(shop)
    best_customers_are_those_whom_stripe_charged_most(shop)
    debts_add_up(shop)
    another_time_zone_dates_anew_what_was_copied(shop)


def days_are_those_of_stripe_and_of_the_entries(shop: Shop) -> None:
    recount = without_zeros(recount_sales(shop))
    assert len(recount) > 8
    assert rows_of(report(shop, "sales")) == recount
    reported = report(shop, "credits")
    assert rows_of(reported) == without_zeros(recount_credits(shop))
    with shop.app.app_context():
        balances = shop.prepaid.session.scalar(text("SELECT sum(balance) FROM prepaid_wallet"))
    assert reported["outstanding"] == reported["totals"][0]["change"] == balances
    assert reported["uncounted_wallets"] == 0


def best_customers_are_those_whom_stripe_charged_most(shop: Shop) -> None:
    owners = {
        payment.payment_intent_id: payment.owner
        for owner in ("user:1", "user:2", "user:3", "user:4")
        for payment in shop.payments(owner)
    }
    charges = [
        (
            datetime.fromtimestamp(moved.created, UTC).date(),
            moved.currency,
            owners[intent_of(shop, moved)],
            moved.amount,
        )
        for moved in movements(shop)
        if moved.type == "charge"
    ]
    days = sorted({day for day, *_ in charges})

    for start, end in spans(days):
        with shop.app.app_context():
            cuts = sales_cuts.sales_by(shop.prepaid.session, "customer", Selection(start, end), max_cuts=2)
        paid: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for day, currency, owner, amount in charges:
            if (start or day) <= day <= (end or day):
                paid[currency][owner] += amount
        best = {(cut.currency, cut.name, cut.sales.gross_minor) for cut in cuts if not cut.is_rest}
        assert best == {
            (currency, owner, minor)
            for currency, theirs in paid.items()
            for owner, minor in sorted(theirs.items(), key=lambda row: (-row[1], row[0]))[:2]
        }, (start, end)


def intent_of(shop: Shop, moved: Any) -> str:
    return str(client_of(shop).v1.charges.retrieve(moved.source).payment_intent)


def spans(days: list[date]) -> Iterator[tuple[date | None, date | None]]:
    """All of it, most of it, and little of it: of one end, of the other, and of the middle."""
    few, many = days[len(days) // 4], days[-len(days) // 4]
    yield from [(None, None), (few, None), (None, many), (few, many)]
    yield from [(many, None), (None, few), (days[3], days[4])]


def debts_add_up(shop: Shop) -> None:
    """Refunds and disputes, in any order, have made debts, and the audit's rules hold."""
    assert shop.audit() == []
    with shop.app.app_context():
        session = shop.prepaid.session
        kinds = set(session.scalars(text("SELECT DISTINCT kind FROM prepaid_entry")))
        made = session.scalar(text("SELECT sum(debt) FROM prepaid_entry WHERE debt > 0"))
        moved = session.scalar(text("SELECT sum(debt) FROM prepaid_entry"))
        owed = session.scalar(text("SELECT sum(debt) FROM prepaid_wallet"))
    assert "clawback" in kinds
    assert made > 0
    assert moved == owed


def another_time_zone_dates_anew_what_was_copied(shop: Shop) -> None:
    database = shop.app.config["SQLALCHEMY_DATABASE_URI"]
    moved = Shop(database, emulator=shop.stripe, webhooks=False, PREPAID_TIME_ZONE="America/New_York")

    assert moved.command("sync").exit_code == 0

    assert rows_of(report(moved, "sales")) == without_zeros(recount_sales(shop, "America/New_York"))
    assert rows_of(report(moved, "credits")) == without_zeros(recount_credits(shop, "America/New_York"))
    assert moved.read(lambda: moved.prepaid.session.scalar(select(Copying.zone))) == "America/New_York"
    with moved.app.app_context():
        moved.db.engine.dispose()


def test_days_are_those_of_the_time_zone(far_shop: Shop) -> None:
    live(far_shop, 5)

    assert far_shop.command("sync").exit_code == 0

    sold = rows_of(report(far_shop, "sales"))
    assert sold == without_zeros(recount_sales(far_shop, "Pacific/Auckland"))
    assert sold != without_zeros(recount_sales(far_shop, "UTC"))
    assert rows_of(report(far_shop, "credits")) == without_zeros(
        recount_credits(far_shop, "Pacific/Auckland")
    )


def test_what_is_owed_is_what_the_lots_cost(shop: Shop) -> None:
    shop.pay(shop.buy(pack="starter"))
    shop.pay(shop.buy("user:2", pack="tokyo"))
    with shop.app.app_context():
        shop.prepaid.spend_now("user:1", credits=25, key="work")
    shop.tick()

    assert report(shop, "credits")["deferred_minor"] == {"usd": 375, "jpy": 700}


def test_what_lapsed_is_breakage_by_what_was_paid_for_it(shop: Shop) -> None:
    shop.pay(shop.buy(pack="bonus"))
    with shop.app.app_context():
        shop.prepaid.spend_now("user:1", credits=60, key="work")
    shop.stripe.advance(days=31)
    shop.tick()

    worth = report(shop, "credits")["worth_minor"]["usd"]
    assert (worth["sold"], worth["earned"], worth["breakage"], worth["closing"]) == (1_000, 500, 500, 0)


class Killed(BaseException):
    """The process ends here: nothing that catches errors sees it."""


def test_a_sync_that_was_killed_goes_on_without_a_gap_or_a_double(shop: Shop) -> None:
    charge_elsewhere(shop, 130)
    looked_at = 0

    def die_on_the_second_page() -> None:
        nonlocal looked_at
        looked_at += 1
        if looked_at == 115:
            raise Killed

    with shop.app.app_context(), pytest.raises(Killed):
        copying.sync(shop.prepaid, seen=die_on_the_second_page)
    charge_elsewhere(shop, 20)
    shop.stripe.advance(days=5)

    done = [shop.command("sync") for _ in range(3)]

    assert [result.stderr.strip() for result in done] == ["50 new.", "0 new.", "0 new."]
    assert rows_of(report(shop, "sales")) == without_zeros(recount_sales(shop))


def charge_elsewhere(shop: Shop, times: int) -> None:
    """What somebody else sells by the same account, such as on an invoice of Stripe's dashboard."""
    for _ in range(times):
        client_of(shop).v1.payment_intents.create(
            {
                "amount": 700,
                "currency": "usd",
                "payment_method": "pm_card_visa",
                "confirm": True,
                "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            }
        )


def test_a_movement_of_no_known_kind_is_shown_as_a_break(shop: Shop) -> None:
    shop.pay(shop.buy())
    shop.command("sync")
    with shop.app.app_context():
        for table in ("prepaid_movement", "prepaid_day_sum"):
            shop.prepaid.session.execute(text(f"UPDATE {table} SET category = 'climate_order_purchase'"))
        shop.prepaid.session.execute(text("DELETE FROM prepaid_owner_sum"))
        shop.prepaid.session.commit()
        day = shop.now().date()

        assert sales.left_out(shop.prepaid.session, Span(day, day)) == [
            ("climate_order_purchase", "usd", 500 - 45)
        ]


def test_the_audit_names_a_day_whose_sum_is_off(shop: Shop) -> None:
    shop.pay(shop.buy())
    shop.command("sync")

    with shop.app.app_context():
        change = text("UPDATE prepaid_day_sum SET amount_minor = amount_minor + :by")
        shop.prepaid.session.execute(change, {"by": 1})
        shop.prepaid.session.commit()
        invariants = [problem.invariant for problem in shop.prepaid.audit()]
        shop.prepaid.session.execute(change, {"by": -1})
        shop.prepaid.session.commit()

    assert invariants == ["I11"]
