"""What the reports say is what Stripe and the ledger say, counted by other means."""

from __future__ import annotations

import pytest
from sqlalchemy import select, text

from flask_prepaid.reports import balance_sync, sales
from flask_prepaid.reports.days import Span
from flask_prepaid.reports.models import Copying
from flask_prepaid.testing import Databases

from ..shop import Shop
from .made_up_days import client_of, live, recount_credits, recount_sales
from .reading import report, rows_of, without_zeros


@pytest.mark.each_database
def test_each_day_is_what_moved_at_stripe_and_what_its_entries_say(shop: Shop) -> None:
    live(shop, 9)

    assert shop.command("sync").exit_code == 0

    recount = without_zeros(recount_sales(shop))
    assert len(recount) > 8
    assert rows_of(report(shop, "sales")) == recount
    reported = report(shop, "credits")
    assert rows_of(reported) == without_zeros(recount_credits(shop))
    with shop.app.app_context():
        balances = shop.prepaid.session.scalar(text("SELECT sum(balance) FROM prepaid_wallet"))
    assert reported["outstanding"] == reported["totals"][0]["change"] == balances
    assert reported["uncounted_wallets"] == 0


def test_days_are_those_of_the_time_zone(far_shop: Shop) -> None:
    live(far_shop, 8)

    assert far_shop.command("sync").exit_code == 0

    sold = rows_of(report(far_shop, "sales"))
    assert sold == without_zeros(recount_sales(far_shop, "Pacific/Auckland"))
    assert sold != without_zeros(recount_sales(far_shop, "UTC"))
    assert rows_of(report(far_shop, "credits")) == without_zeros(
        recount_credits(far_shop, "Pacific/Auckland")
    )


def test_another_time_zone_dates_what_was_copied_anew(databases: Databases) -> None:
    database = databases.fresh("sqlite")
    shop = Shop(database)
    live(shop, 8)
    shop.command("sync")
    moved = Shop(database, emulator=shop.stripe, webhooks=False, PREPAID_TIME_ZONE="America/New_York")

    assert moved.command("sync").exit_code == 0

    assert rows_of(report(moved, "sales")) == without_zeros(recount_sales(shop, "America/New_York"))
    assert rows_of(report(moved, "credits")) == without_zeros(recount_credits(shop, "America/New_York"))
    assert moved.read(lambda: moved.prepaid.session.scalar(select(Copying.zone))) == "America/New_York"
    with moved.app.app_context():
        moved.db.engine.dispose()
    shop.close()


@pytest.mark.each_database
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
        balance_sync.sync(shop.prepaid, seen=die_on_the_second_page)
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
