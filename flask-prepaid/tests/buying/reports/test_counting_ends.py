"""Counting comes to its end, however fast others sell meanwhile, and where a wallet is broken."""

from __future__ import annotations

import pytest
from sqlalchemy import select, text

from flask_prepaid.context import Context
from flask_prepaid.reports import credits
from flask_prepaid.reports.models import Copying
from flask_prepaid.reports.sums import credit_sums

from ..shop import Shop


@pytest.mark.each_database
def test_sync_ends_while_each_step_of_it_sees_another_spend(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    count_next, steps = credit_sums._count_next, 0
    for owner in ("user:1", "user:2", "user:3"):
        shop.pay(shop.buy(owner))

    def while_others_sell(context: Context, after: int, upto: int) -> int | None:
        nonlocal steps
        steps += 1
        assert steps < 20, "it goes on and on"
        for owner in ("user:1", "user:2", "user:3"):
            shop.prepaid.spend_now(owner, credits=1, key=f"step:{steps}")
        return count_next(context, after, upto)

    monkeypatch.setattr(credit_sums, "WALLETS", 1)
    monkeypatch.setattr(credit_sums, "_count_next", while_others_sell)
    synced = shop.command("sync")
    assert synced.exit_code == 0, synced.output
    assert steps == 5, "three wallets, and once more for each of two ends"

    monkeypatch.setattr(credit_sums, "_count_next", count_next)
    with shop.app.app_context():
        assert shop.db.session.scalar(select(Copying.counted_to)) is not None
        assert credits.owed(shop.prepaid.session).uncounted > 0, "what was spent behind it"
    shop.command("sync")
    with shop.app.app_context():
        session = shop.prepaid.session
        assert credits.owed(session).uncounted == 0
        assert sum(line.spent for _, line in credits.credits(session)) == 15


def forge(shop: Shop, left_over: str) -> None:
    """Change what is left of the lot of one owner, as no ledger does."""
    owners = "(SELECT id FROM prepaid_wallet WHERE owner = 'user:1')"
    with shop.app.app_context():
        shop.db.session.execute(
            text(f"UPDATE prepaid_lot SET left_over = {left_over} WHERE wallet_id = {owners}")
        )
        shop.db.session.commit()


def test_a_wallet_whose_rows_contradict_each_other_stops_no_tick(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    for owner in ("user:1", "user:2"):
        shop.pay(shop.buy(owner))
    shop.command("tick")
    with shop.app.app_context():
        for owner in ("user:1", "user:2"):
            shop.prepaid.spend_now(owner, credits=3, key="report:1")
    forge(shop, "1")

    ticked = shop.command("tick")

    assert ticked.exit_code == 0, ticked.output
    assert "The wallet of 'user:1' cannot be written" in caplog.text
    with shop.app.app_context():
        session = shop.prepaid.session
        assert sum(line.spent for _, line in credits.credits(session)) == 3
        assert credits.owed(session).uncounted == 1
        assert session.scalar(select(Copying.ticked_at)) is not None
    shop.stripe.advance(days=2)
    doctor = shop.command("doctor").stderr
    assert "What the wallet of user:1 moved a day ago is not counted yet" in doctor
    assert "user:2" not in doctor
    forge(shop, "100")
