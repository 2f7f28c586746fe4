"""The API, as a program meets it."""

from __future__ import annotations

import io

import pytest

from rando_number.columns import utc_now

from ..reading import json_of
from ..running_shop import SAME_ORIGIN, Program, RunningShop


@pytest.fixture
def program(shop: RunningShop) -> Program:
    return Program(shop, shop.customer(credits=50).make_key())


@pytest.fixture(scope="module")
def refused_program(lasting_shop: RunningShop) -> Program:
    """One for all that is refused: its 50 credits stay."""
    return Program(lasting_shop, lasting_shop.customer(credits=50).make_key())


def test_a_number_says_what_it_cost_and_what_is_left(program: Program) -> None:
    answer = program.get("/number/")

    assert answer.status_code == 200
    assert list(json_of(answer)) == ["status", "number", "charged", "balance"]
    assert 0 <= json_of(answer)["number"] <= 9
    assert (json_of(answer)["status"], json_of(answer)["charged"], json_of(answer)["balance"]) == (
        "SUCCESS",
        1,
        49,
    )


def test_the_range_is_the_callers(program: Program) -> None:
    drawn = {json_of(program.get("/number/?min=-3&max=-2"))["number"] for _ in range(20)}

    assert drawn == {-3, -2}


def test_many_numbers_are_all_sold_or_none(program: Program) -> None:
    dice = program.post("/numbers", {"count": 40, "min": 1, "max": 6})
    too_many = program.post("/numbers", {"count": 11})

    assert json_of(dice)["charged"] == len(json_of(dice)["numbers"]) == 40
    assert set(json_of(dice)["numbers"]) <= set(range(1, 7))
    assert too_many.status_code == 402
    assert json_of(program.get("/balance")) == {"status": "SUCCESS", "balance": 10, "held": 0}


def test_a_call_with_too_few_credits_gets_the_address_where_there_are_more(program: Program) -> None:
    refused = program.post("/numbers", {"count": 51})

    error = json_of(refused)["error"]
    assert json_of(refused)["status"] == "FAILURE"
    assert (error["code"], error["balance"], error["needed"]) == ("insufficient_credits", 50, 51)
    assert error["buy_url"].endswith("/buy-credits")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"count": 0}, "count"),
        ({"count": 10_001}, "count"),
        ({"count": 1.0}, "count"),
        ({"count": True}, "count"),
        ({"count": None}, "count"),
        ({"count": "٣"}, "count"),
        ({"min": 2**53}, "min"),
        ({"max": "1e3"}, "max"),
        ({"min": 10}, "min"),
        ({"max": [9]}, "max"),
        ({"count": "5"}, "count"),
        ({"cout": 5}, "cout"),
        ({"count": 5, "min": 1, "seed": 7}, "seed"),
        ({"": 5}, ""),
    ],
    ids=str,
)
def test_a_wrong_parameter_is_named_and_nothing_is_taken(
    refused_program: Program, body: dict[str, object], param: str
) -> None:
    refused = refused_program.post("/numbers", body)

    assert refused.status_code == 422
    assert json_of(refused)["error"]["code"] == "invalid_parameter"
    assert json_of(refused)["error"]["param"] == param
    assert json_of(refused_program.get("/balance"))["balance"] == 50


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"null",
        b"{",
        b"\xff",
        b'"5"',
        b"[" * 60_000,
        b'{"count": ' + b"9" * 10_000 + b"}",
        b'{"count": 1, "count": 50}',
    ],
    ids=lambda body: body[:8],
)
def test_a_body_that_is_no_json_object_is_malformed(refused_program: Program, body: bytes) -> None:
    refused = refused_program.client.post("/api/v1/numbers", data=body, headers=refused_program.headers)

    assert refused.status_code == 400
    assert json_of(refused)["error"]["code"] == "malformed"


@pytest.mark.parametrize(
    ("query", "param"), [("mni=1", "mni"), ("count=5", "count"), ("min=1&min=2", "min"), ("max=", "max")]
)
def test_a_query_that_nobody_reads_as_it_was_meant_buys_nothing(
    refused_program: Program, query: str, param: str
) -> None:
    for answer in (refused_program.get(f"/number/?{query}"), refused_program.post(f"/numbers?{query}", {})):
        assert (answer.status_code, json_of(answer)["error"]["param"]) == (422, param)
    assert json_of(refused_program.get("/balance"))["balance"] == 50


def test_a_body_that_was_cut_on_the_way_buys_nothing(shop: RunningShop, program: Program) -> None:
    cut = shop.app.test_client().post(
        "/api/v1/numbers",
        headers={**program.headers, "Idempotency-Key": "once"},
        input_stream=io.BytesIO(b""),
        environ_overrides={
            "wsgi.input_terminated": True,
            "CONTENT_LENGTH": "40",
        },  # as granian has it for WSGI
    )

    assert cut.status_code == 400
    again = program.post("/numbers", {"count": 2}, **{"Idempotency-Key": "once"})
    assert again.status_code == 200


def test_a_body_over_the_limit_is_too_large(program: Program) -> None:
    refused = program.client.post("/api/v1/numbers", data=b" " * 300_000, headers=program.headers)

    assert refused.status_code == 413
    assert json_of(refused)["error"]["code"] == "too_large"


def test_a_repeated_idempotency_key_gets_the_first_answer_and_takes_nothing(program: Program) -> None:
    ask = {"count": 3, "max": 10**9}

    first = program.post("/numbers", ask, **{"Idempotency-Key": "order-7"})
    program.get("/number/")
    again = program.post("/numbers", ask, **{"Idempotency-Key": "order-7"})

    assert json_of(again) == json_of(first)
    assert json_of(program.get("/balance"))["balance"] == 46


def test_an_idempotency_key_of_another_request_is_a_conflict(program: Program) -> None:
    program.post("/numbers", {"count": 3}, **{"Idempotency-Key": "order-7"})

    conflict = program.post("/numbers", {"count": 4}, **{"Idempotency-Key": "order-7"})

    assert conflict.status_code == 409
    assert json_of(conflict)["error"]["code"] == "idempotency_conflict"
    assert json_of(program.get("/balance"))["balance"] == 47


def test_a_refused_call_leaves_its_idempotency_key_free(program: Program) -> None:
    refused = program.post("/numbers", {"count": 51}, **{"Idempotency-Key": "order-7"})
    paid = program.post("/numbers", {"count": 5}, **{"Idempotency-Key": "order-7"})

    assert (refused.status_code, paid.status_code) == (402, 200)


def test_two_customers_may_use_the_same_idempotency_key(shop: RunningShop, program: Program) -> None:
    other = Program(shop, shop.customer("other@rando.test").make_key())

    program.get("/number/?max=1000000000", **{"Idempotency-Key": "1"})
    other.get("/number/?max=1000000000", **{"Idempotency-Key": "1"})

    assert json_of(other.get("/balance"))["balance"] == 2


@pytest.mark.parametrize("key", ["", "x" * 256, "caf\u00e9"], ids=["empty", "too long", "not ascii"])
def test_a_malformed_idempotency_key_is_refused(refused_program: Program, key: str) -> None:
    refused = refused_program.get("/number/", **{"Idempotency-Key": key})

    assert refused.status_code == 400
    assert json_of(refused_program.get("/balance"))["balance"] == 50


def test_entries_come_newest_first_and_page_by_cursor(program: Program) -> None:
    for _ in range(3):
        program.get("/number/")

    first = json_of(program.get("/entries?limit=2"))
    rest = json_of(program.get(f"/entries?limit=200&cursor={first['next_cursor']}"))

    assert [entry["balance_after"] for entry in first["entries"] + rest["entries"]] == [47, 48, 49, 50, 3]
    newest = first["entries"][0]
    assert list(newest) == ["id", "at", "kind", "credits", "balance_after", "key"]
    assert (newest["kind"], newest["credits"]) == ("spend", -1)
    assert newest["key"] == json_of(program.get("/numbers?limit=1"))["numbers"][0]["id"]
    assert rest["next_cursor"] is None


def test_numbers_are_listed_page_by_page(program: Program) -> None:
    wanted = {"count": 1}, {"count": 2, "max": 6}, {"count": 3, "min": -1, "max": 9}
    drawn = [json_of(program.post("/numbers", terms))["numbers"] for terms in wanted]

    first = json_of(program.get("/numbers?limit=2"))
    rest = json_of(program.get(f"/numbers?cursor={first['next_cursor']}"))

    rows = first["numbers"] + rest["numbers"]
    assert [row["numbers"] for row in rows] == drawn[::-1]
    assert [(row["min"], row["max"]) for row in rows] == [(-1, 9), (0, 6), (0, 9)]
    assert rest["next_cursor"] is None


def test_usage_counts_calls_and_credits_by_day(program: Program) -> None:
    program.get("/number/")
    program.post("/numbers", {"count": 4})

    usage = json_of(program.get("/usage"))

    assert usage["totals"] == {"calls": 2, "credits": 5}
    assert usage["days"] == [{"day": f"{utc_now():%Y-%m-%d}", "calls": 2, "credits": 5}]
    assert json_of(program.get("/usage?from=2020-01-01&to=2020-02-01"))["days"] == []


@pytest.mark.parametrize(
    "question",
    [
        "/entries?limit=0",
        "/entries?limit=201",
        "/entries?cursor=x",
        "/numbers?limit=x",
        "/numbers?cursor=%00",
        "/usage?from=2026-02-30",
        "/usage?to=9999-12-31",
        "/usage?from=2020-01-01&to=2026-01-01",
        "/usage?by=week",
    ],
)
def test_a_parameter_out_of_bounds_is_refused_by_its_name(refused_program: Program, question: str) -> None:
    refused = refused_program.get(question)

    assert refused.status_code == 422
    assert f"{json_of(refused)['error']['param']}=" in question


def test_an_unknown_path_or_method_gets_the_envelope(program: Program) -> None:
    nowhere = program.get("/no-such-call")
    wrong = program.client.delete("/api/v1/numbers", headers=program.headers)

    assert (nowhere.status_code, json_of(nowhere)["error"]["code"]) == (404, "not_found")
    assert (wrong.status_code, json_of(wrong)["error"]["code"]) == (405, "method_not_allowed")
    assert "POST" in wrong.headers["Allow"]


def test_a_session_spends_from_our_own_pages_only(shop: RunningShop) -> None:
    customer = shop.customer()
    ours: tuple[dict[str, str], ...] = (
        SAME_ORIGIN,
        {"Origin": "http://localhost"},
        {"Referer": "http://localhost/"},
    )
    others: tuple[dict[str, str], ...] = (
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
        {"Origin": "http://evil.example"},
        {"Referer": "http://localhost.evil.example/"},
    )

    for headers in others:
        assert customer.client.get("/api/v1/number/", headers=headers).status_code == 401, headers
    assert customer.balance == 3
    for headers in ours:
        assert customer.client.get("/api/v1/number/", headers=headers).status_code == 200, headers
    assert customer.balance == 0


def test_a_head_request_sells_nothing(shop: RunningShop) -> None:
    customer = shop.customer()
    program = Program(shop, customer.make_key())

    answers = [
        program.client.head("/api/v1/number/", headers=program.headers),
        customer.client.head("/api/v1/number/", headers=SAME_ORIGIN),
    ]

    assert [(answer.status_code, answer.headers["Allow"]) for answer in answers] == [(405, "GET")] * 2
    assert customer.balance == 3
