"""Where the credits went."""

from __future__ import annotations

import csv
import io

from .shop import Program, Shop


def test_a_spend_stands_beside_the_numbers_that_it_bought_and_the_key_that_asked(any_shop: Shop) -> None:
    customer = any_shop.customer(credits=50)
    program = Program(any_shop, customer.make_key("dice bot"))
    program.post("/numbers", {"count": 12, "min": 700, "max": 700})
    customer.draw()

    page = customer.get("/usage").text

    assert "700, " * 9 + "700 and 2 more" in page
    assert "dice bot" in page
    assert "this site" in page
    assert "13 credits in 2 calls" in page
    assert "-12" in page


def test_a_long_statement_goes_on_on_the_next_page(shop: Shop) -> None:
    customer = shop.customer(credits=80)
    program = Program(shop, customer.make_key())
    for _ in range(60):
        program.get("/number/")

    first = customer.get("/usage").text
    cursor = first.split("cursor=")[1].split('"')[0]
    second = customer.get("/usage", cursor=cursor).text

    assert first.count("Number drawn") == 50
    assert second.count("Number drawn") == 10
    assert second.count("Gift") == 2
    assert customer.get("/usage", cursor="x").status_code == 404


def test_row_57_the_csv_has_every_entry_and_no_cell_that_a_spreadsheet_would_run(shop: Shop) -> None:
    customer = shop.customer(credits=300)
    program = Program(shop, customer.make_key("=cmd|'/c calc'!A1"))
    for _ in range(210):
        program.get("/number/")

    answer = customer.get("/usage.csv")

    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert answer.content_type == "text/csv; charset=utf-8"
    assert len(rows) == 212
    assert [int(row["balance_after"]) for row in rows[:2]] == [90, 91]
    assert rows[0]["api_key"] == "'=cmd|'/c calc'!A1"
    assert rows[-1]["kind"] == "grant"
    assert sum(int(row["credits"]) for row in rows) == customer.balance
