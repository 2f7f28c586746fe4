"""What the documentation says, done as it says."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from ..reading import json_of
from ..running_shop import Program, RunningShop


@pytest.fixture
def server(shop: RunningShop) -> Iterator[str]:
    with shop.serving() as port:
        yield f"http://127.0.0.1:{port}"


def code_of(server: str, first_words: str) -> str:
    """A piece of code as somebody copies it from the page."""
    with urllib.request.urlopen(f"{server}/docs/api") as answer:
        page = answer.read().decode()
    pieces = [html.unescape(piece) for piece in re.findall(r"<code>(.*?)</code>", page, re.DOTALL)]
    return next(piece for piece in pieces if piece.startswith(first_words))


@pytest.mark.parametrize(
    ("first_words", "interpreter"),
    [
        ("import http.client, json", [sys.executable, "-"]),
        ("async function", ["node", "--input-type=module", "-"]),
        ("curl -H", ["bash", "-"]),
    ],
    ids=["python", "javascript", "curl"],
)
def test_the_code_of_the_page_works_as_pasted(
    shop: RunningShop, server: str, first_words: str, interpreter: list[str]
) -> None:
    customer = shop.customer(credits=10)
    code = code_of(server, first_words).replace("rn_...", customer.make_key())

    ran = subprocess.run(interpreter, input=code, capture_output=True, text=True, timeout=120)

    listed = re.search(r"\[([^]]*)\]", ran.stdout)
    assert listed is not None, ran.stderr
    drawn = [int(number) for number in re.findall(r"\d+", listed[1])]
    assert len(drawn) == 5, ran.stderr
    assert set(drawn) <= set(range(1, 7))
    assert customer.balance == 5


def test_the_first_line_of_the_page_draws_a_number(shop: RunningShop, server: str) -> None:
    customer = shop.customer()
    code = code_of(server, 'curl "').replace("rn_...", customer.make_key())

    ran = subprocess.run(["bash", "-"], input=code, capture_output=True, text=True, timeout=120)

    answer = json.loads(ran.stdout)
    assert 1 <= answer["number"] <= 6
    assert (answer["charged"], answer["balance"], customer.balance) == (1, 2, 2)


def test_the_document_shows_each_answer_and_each_refusal_that_the_page_lists(shop: RunningShop) -> None:
    document = json_of(shop.visitor().get("/api/v1/openapi.json"))
    page = shop.visitor().get("/docs/api").text
    listed = {
        code
        for row in re.findall(r"<tr><td>[45].*?</tr>", page)
        for code in re.findall(r"<code>([a-z_]+)<", row)
    }

    spending = document["paths"]["/api/v1/numbers"]["post"]["responses"]

    shown = {
        answer["content"]["application/json"]["example"]["error"]["code"]
        for status, answer in spending.items()
        if status not in ("200", "default")
    }
    assert shown == {
        "malformed",
        "unauthenticated",
        "insufficient_credits",
        "idempotency_conflict",
        "invalid_parameter",
        "rate_limited",
        "unavailable",
    }
    assert shown <= listed
    assert {"key_cap_reached", "spending_limit_reached", "too_large", "not_found"} <= listed


def test_every_call_of_the_page_is_in_the_document_and_works(shop: RunningShop) -> None:
    program = Program(shop, shop.customer().make_key())
    document = json_of(program.get("/openapi.json"))
    page = shop.visitor().get("/docs/api").text

    calls = set(re.findall(r"<code>(GET|POST) (/api/v1/[\w/]+)", page))

    documented = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert calls == documented
    assert document["openapi"] == "3.1.0"


@pytest.mark.parametrize("signed_in", [True, False], ids=["with a key", "without"])
def test_no_generated_request_breaks_the_api_and_answers_look_as_the_document_says(
    shop: RunningShop, signed_in: bool
) -> None:
    customer = shop.customer(credits=30)
    headers = {"Authorization": f"Bearer {customer.make_key()}"} if signed_in else {}
    document = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", shop.app)
    checks = [not_a_server_error, response_schema_conformance, content_type_conformance]
    paths: list[str] = []

    def fuzz(operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode) -> None:
        @settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: schemathesis.Case[Any]) -> None:
            paths.append(case.path)
            case.call_and_validate(headers=headers, checks=checks)

        ask()

    for operation in document.get_all_operations():
        assert isinstance(operation, Ok)
        for mode in GenerationMode:
            fuzz(operation.ok(), mode)

    assert len(set(paths)) == 5
    assert customer.balance <= 30 if signed_in else customer.balance == 30
