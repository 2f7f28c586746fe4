"""Stripe's example requests, from the tests of its own SDK (see data/LICENSE-stripe-python).

They name objects that don't exist here. On a route that we serve, each is
accepted, or refused for such an object and nothing else.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stripe_emulator import contract
from stripe_emulator.api import routing
from stripe_emulator.api.request import Call, Reply
from stripe_emulator.core.database.settings import put_setting
from stripe_emulator.core.time import clock
from stripe_emulator.core.version import API_VERSION
from stripe_emulator.server import load
from stripe_emulator.server.emulator import Emulator

load.load()

#: Verb, path, form.
Example = tuple[str, str, str]

DATA = Path(__file__).parents[1] / "data" / "stripe-example-requests.json"
EXAMPLES: list[Example] = [(verb, path, form) for verb, path, form in json.loads(DATA.read_text())]
SERVED = [example for example in EXAMPLES if routing.serves(example[0], example[1])]

#: Examples that Stripe itself refuses, or whose tokens are of Connect: how the form begins, and the code.
REFUSED = {
    ("/v1/files", ""): "parameter_missing",
    ("/v1/payouts", "amount=1100"): "balance_insufficient",
    ("/v1/tax_ids", "type=eu_vat&value=123"): "tax_id_invalid",
    ("/v1/tokens", "account["): "not_emulated",
    ("/v1/tokens", "bank_account["): "not_emulated",
    ("/v1/tokens", "person["): "not_emulated",
}

HEADERS = {"authorization": "Bearer sk_test_emulator", "stripe-version": API_VERSION}


def test_all_examples_of_the_sdk_are_here() -> None:
    assert len(EXAMPLES) == 446


def test_every_example_is_a_route_of_the_contract() -> None:
    assert [example for example in EXAMPLES if contract.find(example[0], example[1]) is None] == []


@pytest.fixture(scope="module")
def emulator() -> Emulator:
    """In 2023, when the examples' cards had not expired."""
    emulator = Emulator()
    with emulator.store.transaction():
        put_setting("offset", int(datetime(2023, 4, 1, tzinfo=UTC).timestamp()) - clock.wall())
    return emulator


@pytest.mark.parametrize("example", SERVED, ids=[" ".join(example)[:90] for example in SERVED])
def test_stripes_example_is_accepted(emulator: Emulator, example: Example) -> None:
    _, path, form = example

    reply = emulator.api.answer(call_of(example))

    if reply.status != 200:
        error = json.loads(reply.body)["error"]
        if code := refusal_of(example):
            assert error.get("code") == code
            return
        assert error.get("code") in ("resource_missing", "account_invalid"), error
        *_, named, _ = error["message"].split("'")
        assert named in path or named in form, error


def refusal_of(example: Example) -> str | None:
    verb, path, form = example
    return next(
        (
            code
            for (where, start), code in REFUSED.items()
            if verb == "POST" and path == where and form.startswith(start)
        ),
        None,
    )


def test_a_stub_that_answers_nothing_would_pass_none(judge: Callable[[Call, Reply], list[str]]) -> None:
    """The watch in ``conftest`` reads the answer to each example, too."""
    assert [example for example in SERVED if judge(call_of(example), Reply(200, "{}")) == []] == []


def call_of(example: Example) -> Call:
    verb, path, form = example
    query, body = ("", form.encode()) if verb == "POST" else (form, b"")
    return Call(verb, path, query, HEADERS, body)
