"""Spends of a closed year leave the books, and no report, page or mark misses them."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from flask_prepaid.operations.elsewhere import marks
from flask_prepaid.testing import Databases

from ..purchases.test_topup_causes import PAID, adjust, sell, topped_up_shop
from ..purchases.test_topups import spend, topped_up
from ..shop import Shop

pytestmark = pytest.mark.each_database


def a_year_of_sales(shop: Shop) -> str:
    """Two customers who bought and spent, more than thirteen months ago; the month after that."""
    before = (shop.now().replace(day=1) + timedelta(days=32)).strftime("%Y-%m")
    for owner in ("user:1", "user:2"):
        shop.pay(shop.buy(owner))
        with shop.app.app_context():
            for number in range(5):
                shop.prepaid.spend_now(owner, credits=2, key=f"report:{number}", item="report")
            with shop.prepaid.hold(owner, 4, key="job:1") as hold:
                hold.capture(3)
            shop.db.session.commit()
    shop.tick()
    shop.stripe.advance(days=470)
    with shop.app.app_context():
        shop.prepaid.spend_now("user:1", credits=1, key="report:late")
    assert shop.command("sync").exit_code == 0
    return before


def reports(shop: Shop) -> dict[str, str]:
    return {
        what: shop.command("report", what, "--json").stdout
        for what in ("sales", "credits", "journal", "codes")
    }


def entries_of(shop: Shop) -> int:
    with shop.app.app_context(), shop.db.engine.connect() as connection:
        return int(connection.scalar(text("SELECT count(*) FROM prepaid_entry")) or 0)


def test_a_month_leaves_the_books_and_reports_audit_and_money_go_on(shop: Shop, tmp_path: Path) -> None:
    before, place = a_year_of_sales(shop), str(tmp_path / "archive.sqlite3")
    reported, balance, entries = reports(shop), shop.balance("user:2"), entries_of(shop)

    done = shop.command("archive", "--before", before, "--to", place)

    assert done.exit_code == 0, done.output
    assert "Archived: 12 spends of 26 credits, 2 ended holds; 2 wallets." in done.stderr
    assert entries_of(shop) == entries - 12
    assert (reports(shop), shop.balance("user:2")) == (reported, balance)
    assert shop.command("audit").exit_code == 0
    proved = shop.command("audit", "--archive", place)
    assert (proved.exit_code, proved.stderr) == (0, "Every balance is the sum of its entries.\n")
    lines = [
        json.loads(line) for line in shop.command("archived", "user:2", "--from", place).stdout.splitlines()
    ]
    assert [(line["key"], line["credits"], line["item"]) for line in lines[:1]] == [
        ("report:0", -2, "report")
    ]
    assert len(lines) == 6
    nobody = shop.command("archived", "usr:2", "--from", place)
    assert (nobody.exit_code, nobody.stdout) == (1, "")
    assert "'usr:2' has no wallet here. An owner is what" in nobody.stderr

    with shop.app.app_context():
        shop.prepaid.refund(1, credits=50, reason="a year late")
    shop.pay(shop.buy("user:2"))
    assert shop.command("reconcile").exit_code == 0
    again = shop.command("archive", "--before", before, "--to", place)
    assert "Archived: 0 spends of 0 credits, 0 ended holds; 0 wallets." in again.stderr


def test_an_archive_that_was_changed_or_is_not_there_is_named(shop: Shop, tmp_path: Path) -> None:
    before, place = a_year_of_sales(shop), str(tmp_path / "archive.sqlite3")
    shop.command("archive", "--before", before, "--to", place)
    engine = create_engine(f"sqlite:///{place}")
    with engine.begin() as archive:
        archive.execute(
            text("UPDATE prepaid_entry SET item = 'other' WHERE key = 'report:3' AND wallet_id = 1")
        )
    engine.dispose()

    proved = shop.command("audit", "--archive", place)
    missing = shop.command("audit", "--archive", str(tmp_path / "mistyped.sqlite3"))

    assert proved.exit_code == 1
    assert "is missing, or another than when it was archived" in proved.stderr
    assert "Nothing was archived in sqlite:///" in missing.stderr
    assert not (tmp_path / "mistyped.sqlite3").exists()


def test_books_whose_marked_entry_is_in_the_archive_have_not_gone_back(shop: Shop, tmp_path: Path) -> None:
    before, kept = a_year_of_sales(shop), str(tmp_path / "marks.sqlite3")
    with shop.app.app_context():
        assert marks.keep(shop.db.engine, kept) == 2
    shop.command("archive", "--before", before, "--to", str(tmp_path / "archive.sqlite3"))

    against = shop.command("audit", "--against", kept)

    assert "Nothing that was marked is gone." in against.stderr


@pytest.mark.parametrize(
    ("before", "place", "sentence"),
    [
        ("2025-13", "archive", "does not match the formats '%Y-%m'"),
        ("now", "archive", "keys of the last 13 months are kept"),
        ("2020-01", "no/such/folder/archive", "there is no folder no/such/folder. Make it."),
        (
            "2020-01",
            "oracle://me:secret@host/db",
            "Archives are kept in a file, or on PostgreSQL, not on oracle.",
        ),
        ("2020-01", "postgresql://me:p@ss:secret@host/db", "cannot be kept there (its port is no number"),
        ("2020-01", "the books", "go back with them"),
        ("2020-01", "", "Archives that are kept in memory are gone at once. Name a file."),
        ("2020-01", "sqlite://", "Archives that are kept in memory are gone at once. Name a file."),
        ("2020-01", "a folder", "Name a file in it."),
        ("2020-01", "a text", "cannot be used: file is not a database. Is it there"),
    ],
)
def test_what_can_not_be_archived_is_told_with_its_cure(
    shop: Shop, tmp_path: Path, before: str, place: str, sentence: str
) -> None:
    month = f"{datetime.now():%Y-%m}" if before == "now" else before  # noqa: DTZ005
    books = shop.app.config["SQLALCHEMY_DATABASE_URI"].render_as_string(hide_password=False)
    (tmp_path / "text").write_text("This is no database. " * 100)
    places = {
        "archive": str(tmp_path / "archive"),
        "the books": books,
        "a folder": str(tmp_path),
        "a text": str(tmp_path / "text"),
    }
    to = places.get(place, place)

    refused = shop.command("archive", "--before", month, "--to", to)

    assert refused.exit_code in (1, 2)
    assert sentence in refused.stderr
    assert "secret" not in refused.stderr


def test_an_archive_may_lie_on_postgresql(shop: Shop, databases: Databases) -> None:
    before = a_year_of_sales(shop)
    place = databases.empty("postgresql").render_as_string(hide_password=False)

    assert shop.command("archive", "--before", before, "--to", place).exit_code == 0
    assert shop.command("audit", "--archive", place).exit_code == 0


def test_books_that_are_archived_in_part_move_to_another_database(
    shop: Shop, databases: Databases, kind: str, tmp_path: Path
) -> None:
    before, place = a_year_of_sales(shop), str(tmp_path / "archive.sqlite3")
    assert shop.command("archive", "--before", before, "--to", place).exit_code == 0
    target = databases.empty({"sqlite": "postgresql", "postgresql": "sqlite"}[kind])

    copied = shop.command("copy", "--to", target.render_as_string(hide_password=False))

    assert copied.exit_code == 0, copied.output
    moved = Shop(target, emulator=shop.stripe)
    assert moved.command("audit", "--archive", place).exit_code == 0
    moved.let_go()


@pytest.mark.parametrize(
    "words",
    [("archive", "--before", "2020-01", "--to"), ("archived", "user:1", "--from"), ("audit", "--archive")],
)
def test_a_place_whose_name_no_file_can_have_is_refused_in_words(shop: Shop, words: tuple[str, ...]) -> None:
    shop.command("grant", "user:1", "5", "--reason", "a gift")

    refused = shop.command(*words, "x" * 300)

    assert refused.exit_code == 1
    assert "Archives cannot be kept there: File name too long. Name another file." in refused.output


@pytest.mark.parametrize("corrected", [True, False])
def test_a_top_up_for_spends_that_are_in_the_archive_by_now_is_bought_as_before(
    shop: Shop, tmp_path: Path, corrected: bool
) -> None:
    """Nothing was sold for more than a year. A correction before those spends does not stand for them."""
    topped_up_shop(shop)
    if corrected:
        adjust(shop, -90)
        shop.tick()
    sell(shop, on=False)
    spend(shop, 5 if corrected else 95, "report:1")
    before = (shop.now().replace(day=1) + timedelta(days=32)).strftime("%Y-%m")
    shop.stripe.advance(days=470)
    shop.tick()
    assert topped_up(shop) == [PAID]

    done = shop.command("archive", "--before", before, "--to", str(tmp_path / "archive.sqlite3"))
    assert "Archived: 1 spend of" in done.stderr
    sell(shop, on=True)
    shop.tick()

    assert topped_up(shop) == [PAID, PAID]
