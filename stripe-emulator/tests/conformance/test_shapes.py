"""The watch over every answer, in ``conftest.py``, bites."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stripe_emulator.api.request import Call, Reply

Judge = Callable[[Call, Reply], list[str]]

SAMPLES = json.loads((Path(__file__).parents[1] / "data" / "stripe-fixtures3.json").read_text())["resources"]


def call(verb: str, path: str) -> Call:
    return Call(verb, path, "", {}, b"")


def answered(body: Any, status: int = 200) -> Reply:
    return Reply(status, json.dumps(body))


def test_an_answer_of_stripes_shape_passes(judge: Judge) -> None:
    assert judge(call("GET", "/v1/customers/cus_1"), answered(SAMPLES["customer"])) == []


@pytest.mark.parametrize(
    "path",
    ["/v1/customers/cus_1", "/v1/customers", "/v1/balance", "/v1/events/evt_1", "/v1/checkout/sessions"],
)
def test_a_stub_that_answers_nothing_is_found_out(judge: Judge, path: str) -> None:
    assert judge(call("GET", path), answered({})) != []


def test_a_missing_key_is_found_by_name(judge: Judge) -> None:
    customer = {key: value for key, value in SAMPLES["customer"].items() if key != "delinquent"}

    assert judge(call("GET", "/v1/customers/cus_1"), answered(customer)) == [
        "$.delinquent: is missing from Customer"
    ]


def test_what_an_event_carries_is_judged_too(judge: Judge) -> None:
    carried = SAMPLES["customer"] | {"favourite_colour": "green"}
    event = SAMPLES["event"] | {"data": {"object": carried}}

    assert judge(call("GET", "/v1/events/evt_1"), answered(event)) == [
        "$.favourite_colour: is no field of Customer",
        "customer.favourite_colour is no field (in Stripe's specification)",
    ]


def test_an_error_needs_stripes_envelope(judge: Judge) -> None:
    envelope = {"error": {"type": "invalid_request_error", "message": "No such customer: 'cus_1'"}}

    assert judge(call("GET", "/v1/customers/cus_1"), answered(envelope, status=404)) == []
    assert judge(call("GET", "/v1/customers/cus_1"), answered({"error": {}}, status=404)) != []
