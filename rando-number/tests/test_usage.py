"""Where the credits went."""

from __future__ import annotations

import csv
import io
import re

import pytest

from .shop import Program, Shop, told


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

    assert first.count("<td>Number drawn") == 50
    assert second.count("<td>Number drawn") == 10
    assert second.count("<td>Gift") == 2
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


def test_usage_is_shown_by_key_by_kind_and_by_day(shop: Shop) -> None:
    customer = shop.customer(credits=10)
    program = Program(shop, customer.make_key("nightly job"))
    program.post("/numbers", json={"count": 4})
    customer.draw()
    key = re.search(r'<option value="(\d+)">nightly job', customer.get("/usage").text)
    assert key is not None

    by_key = customer.get("/usage.json", key=key[1]).json
    gifts = customer.get("/usage", kind="grant").text
    long_ago = customer.get("/usage", **{"from": "2001-01-01", "to": "2001-01-31"}).text

    assert by_key is not None
    assert [day["credits"] for day in by_key["days"]] == [4]
    assert by_key["keys"] == [
        {"key": "nightly job", "calls": 1, "credits": 4},
        {"key": "this site", "calls": 1, "credits": 1},
    ]
    assert "Number drawn</td>" not in gifts
    assert "Gift" in gifts
    assert "Nothing here fits." in long_ago


def test_a_month_takes_no_more_than_its_owner_allows(any_shop: Shop) -> None:
    customer = any_shop.customer(credits=20)
    program = Program(any_shop, customer.make_key())
    program.post("/numbers", json={"count": 3})

    customer.send("/usage/limit", form_of="/usage", limit="5")

    assert program.post("/numbers", json={"count": 3}).status_code == 402
    assert program.post("/numbers", json={"count": 2}).status_code == 200
    refused = program.get("/number/")
    assert (refused.status_code, told(refused)["error"]["code"]) == (402, "spending_limit_reached")
    drawn = customer.draw()
    assert drawn.status_code == 402
    assert "monthly limit of 5 credits" in drawn.text
    assert customer.balance == 15
    customer.send("/usage/limit", form_of="/usage", limit="")
    assert customer.draw().status_code == 200


def test_what_a_refused_call_counted_against_the_limit_is_given_back(shop: Shop) -> None:
    customer = shop.customer(credits=3)
    customer.send("/usage/limit", form_of="/usage", limit="5")
    program = Program(shop, customer.make_key(cap_per_month="5"))

    assert program.post("/numbers", json={"count": 4}).status_code == 402

    assert program.post("/numbers", json={"count": 3}).status_code == 200


@pytest.mark.parametrize("limit", ["0", "-1", "1.5", "many", "9" * 20])
def test_a_limit_that_is_none_is_refused(shop: Shop, limit: str) -> None:
    customer = shop.customer()

    assert customer.send("/usage/limit", form_of="/usage", limit=limit).status_code == 422

    assert customer.draw().status_code == 200
