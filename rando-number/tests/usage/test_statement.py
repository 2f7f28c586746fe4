"""Where the credits went."""

from __future__ import annotations

import csv
import io
import re

import pytest

from flask_prepaid.reports.spreadsheets import inert

from ..reading import json_of
from ..running_shop import Program, RunningShop


def test_a_spend_stands_beside_the_numbers_that_it_bought_and_the_key_that_asked(
    any_shop: RunningShop,
) -> None:
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


def test_a_long_statement_continues_on_the_next_page(shop: RunningShop) -> None:
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


def test_no_cell_begins_as_a_formula_does_in_full_width_either() -> None:
    for sign in "=+-@\t\r\n＝＋－＠":  # noqa: RUF001
        assert inert(f"{sign}1+1") == f"'{sign}1+1"


def test_the_csv_has_every_entry_and_no_cell_that_a_spreadsheet_would_run(shop: RunningShop) -> None:
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


def entries_of(page: str) -> int:
    """How many lines a statement shows."""
    return page.count('<td class="text-nowrap">')


def key_named(page: str, name: str) -> str:
    option = re.search(rf'<option value="(\d+)"[^>]*>{name}', page)
    assert option is not None, page
    return option[1]


def test_a_filter_holds_on_all_pages_and_in_every_format(any_shop: RunningShop) -> None:
    """The one call of the nightly job lies sixty entries back; before it, there is one gift."""
    customer = any_shop.customer(credits=100)
    nightly = Program(any_shop, customer.make_key("nightly job"))
    nightly.post("/numbers", {"count": 4, "min": 44, "max": 44})
    busy = Program(any_shop, customer.make_key("busy job"))
    for _ in range(60):
        busy.get("/number/")
    customer.draw()
    everything = customer.get("/usage").text

    by_key = customer.get("/usage", key=key_named(everything, "nightly job")).text
    here = customer.get("/usage", key="site").text
    gifts = customer.get("/usage", kind="grant").text
    busy_ones = customer.get("/usage", key=key_named(everything, "busy job"))

    assert entries_of(everything) == 50
    assert (entries_of(by_key), by_key.count("44, 44, 44, 44")) == (1, 1)
    assert "4 credits in 1 call by nightly job" in by_key
    assert entries_of(here) == 1
    assert entries_of(gifts) == 2
    assert entries_of(busy_ones.text) == 50
    older = re.search(r'href="(/usage\?[^"]*cursor=[^"]*)"', busy_ones.text)
    assert older is not None
    assert entries_of(customer.client.get(older[1].replace("&amp;", "&")).text) == 10
    csv_of_it = csv.DictReader(io.StringIO(customer.get("/usage.csv", key="site").text))
    assert [row["credits"] for row in csv_of_it] == ["-1"]
    as_json = json_of(customer.get("/usage.json", key=key_named(everything, "nightly job")))
    assert [(entry["credits"], entry["numbers"]) for entry in as_json["entries"]] == [(-4, [44] * 4)]
    assert [day["credits"] for day in as_json["days"]] == [4]
    assert as_json["keys"] == [{"key": "nightly job", "calls": 1, "credits": 4}]


def test_days_that_are_chosen_bound_the_statement_and_the_charts(shop: RunningShop) -> None:
    customer = shop.customer(credits=10)
    customer.draw()

    long_ago = customer.get("/usage", **{"from": "2001-01-01", "to": "2001-01-31"}).text
    everything = json_of(customer.get("/usage.json"))

    assert "Nothing here fits." in long_ago
    assert "Nothing was drawn on these days." in long_ago
    assert [entry["kind"] for entry in everything["entries"]] == ["spend", "grant", "grant"]
    assert json_of(customer.get("/usage.json", to="2001-01-31"))["entries"] == []


def test_the_chart_shows_each_key_on_its_day_and_names_it_beside_its_colour(shop: RunningShop) -> None:
    customer = shop.customer(credits=50)
    for name, count in (("small", 2), ("large", 20)):
        Program(shop, customer.make_key(name)).post("/numbers", {"count": count})

    page = customer.get("/usage").text

    assert re.search(r'class="bar key-1"[^>]*>\s*<title>[^<]*20 credits in 1 call by large; 22 credits', page)
    assert re.search(r'class="bar key-2"[^>]*>\s*<title>[^<]*2 credits in 1 call by small; 22 credits', page)
    assert re.search(r'swatch key-1"></span>large', page)
    assert re.search(r'swatch key-2"></span>small', page)


def test_nobody_filters_by_a_key_of_somebody_else(shop: RunningShop) -> None:
    other = shop.customer("other@rando.test")
    Program(shop, other.make_key("secret job")).get("/number/")
    theirs = key_named(other.get("/usage").text, "secret job")

    mine = json_of(shop.customer("pat@rando.test").get("/usage.json", key=theirs))

    assert (mine["entries"], mine["days"], mine["keys"]) == ([], [], [])


@pytest.mark.parametrize("path", ["/usage", "/usage.csv", "/usage.json"])
@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"from": "yesterday"}, "From must be a day such as"),
        ({"from": "2026-02-30"}, "From must be a day such as"),
        ({"to": "1999-01-01"}, "To must be a day such as"),
        ({"from": "2026-02-02", "to": "2026-02-01"}, "From must be a day up to"),
        ({"from": "2024-01-01", "to": "2026-02-01"}, "From must be a day up to"),
        ({"key": "-1"}, "Key must be one of"),
        ({"key": "2147483648"}, "Key must be one of"),
        ({"kind": "theft"}, "What must be one of"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_a_wrong_filter_is_refused_in_words(
    shop: RunningShop, path: str, query: dict[str, str], message: str
) -> None:
    refused = shop.customer().get(path, **query)

    assert refused.status_code == 422
    assert message in refused.text


def test_a_month_takes_no_more_than_its_owner_allows(any_shop: RunningShop) -> None:
    customer = any_shop.customer(credits=20)
    program = Program(any_shop, customer.make_key())
    program.post("/numbers", json={"count": 3})

    customer.send("/usage/limit", form_of="/usage", limit="5")

    assert program.post("/numbers", json={"count": 3}).status_code == 402
    assert program.post("/numbers", json={"count": 2}).status_code == 200
    refused = program.get("/number/")
    assert (refused.status_code, json_of(refused)["error"]["code"]) == (402, "spending_limit_reached")
    drawn = customer.draw()
    assert drawn.status_code == 402
    assert "monthly limit of 5 credits" in drawn.text
    assert customer.balance == 15
    customer.send("/usage/limit", form_of="/usage", limit="")
    assert customer.draw().status_code == 200


def test_what_a_refused_call_counted_against_the_limit_is_given_back(shop: RunningShop) -> None:
    customer = shop.customer(credits=3)
    customer.send("/usage/limit", form_of="/usage", limit="5")
    program = Program(shop, customer.make_key(limit="5"))

    assert program.post("/numbers", json={"count": 4}).status_code == 402

    assert program.post("/numbers", json={"count": 3}).status_code == 200


@pytest.mark.parametrize("limit", ["0", "-1", "1.5", "many", "9" * 20])
def test_a_wrong_limit_is_refused(shop: RunningShop, limit: str) -> None:
    customer = shop.customer()

    assert customer.send("/usage/limit", form_of="/usage", limit=limit).status_code == 422

    assert customer.draw().status_code == 200


def test_the_profile_says_how_long_the_balance_lasts_at_the_pace_so_far(shop: RunningShop) -> None:
    customer = shop.customer(credits=46)
    assert "At your pace" not in customer.get("/user-profile").text
    Program(shop, customer.make_key()).post("/numbers", {"count": 6})

    page = customer.get("/user-profile").text

    assert customer.balance == 40
    assert "At your pace that is enough for about 6 days." in page


def test_a_statement_has_the_columns_of_numbers_only_where_some_were_drawn(shop: RunningShop) -> None:
    pat = shop.customer()

    def heads() -> list[str]:
        return re.findall(
            "<th[^>]*>([^<]+)</th>", pat.get("/usage").text.partition("Statement, as a table")[2]
        )

    assert heads() == ["Date", "What", "Credits", "Balance"]
    pat.draw()
    assert heads() == ["Date", "What", "Credits", "Balance", "Numbers", "Key"]
