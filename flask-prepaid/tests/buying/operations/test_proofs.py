"""An audit goes on from what it has proved before, and says what it has not looked at."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import text

from flask_prepaid.testing import Databases

from ..shop import Shop


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # of a fork beside other threads
def test_a_nights_audit_plays_its_day_and_says_so_and_a_full_one_plays_all(
    databases: Databases, tmp_path: Path
) -> None:
    place = tmp_path / "proofs.sqlite3"
    shop = Shop(databases.fresh("sqlite"), PREPAID_PROOFS=str(place))
    shop.pay(shop.buy("user:1"))
    shop.pay(shop.buy("user:2"))
    shop.tick()
    first = shop.command("audit")
    assert first.exit_code == 0
    assert "Played: 2 wallets that moved since they were proved, 2 entries." in first.stderr
    with shop.app.app_context():
        shop.prepaid.spend_now("user:2", credits=1, key="report:1")

    night = shop.command("audit", "--json", "--jobs", "2")

    counts = {"wallets": 1, "entries": 1, "before": 2}
    assert json.loads(night.stdout) == {"ok": True, "problems": [], **counts}
    assert "Not looked at: 2 events that were proved before; --full does." in night.stderr
    full = shop.command("audit", "--full")
    assert (full.exit_code, full.stderr) == (0, "Every balance is the sum of its entries.\n")

    with shop.app.app_context(), shop.db.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER prepaid_entry_no_update"))
        connection.execute(text("UPDATE prepaid_entry SET reason = 'because' WHERE kind = 'purchase'"))
    night, full = shop.command("audit"), shop.command("audit", "--full")
    assert "another than when it was proved" not in night.stderr
    assert full.exit_code == 1
    assert "I6 user:1: an entry up to 1 is another than when it was proved" in full.stderr

    place.unlink()
    shop.let_go()
