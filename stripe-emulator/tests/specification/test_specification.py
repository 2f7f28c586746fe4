"""What Stripe's own specification says of the emulator's routes and parameters.

Every answer that any test gets is held to it, too: ``conftest.py`` watches.
"""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from stripe_emulator import contract
from stripe_emulator.api import routing
from stripe_emulator.contract import parameters_of
from stripe_emulator.server import load

from . import changed
from .specification import Schema, check, document, operation_of, problems, schema_named

with_sdk_16 = pytest.mark.skipif(
    int(stripe.VERSION.split(".")[0]) < 16, reason="the lists of what changed are those of endive"
)

CUSTOMER = {
    "id": "cus_1",
    "object": "customer",
    "created": 1,
    "default_source": None,
    "email": None,
    "livemode": False,
    "shipping": None,
}


def served() -> list[contract.Route]:
    """The routes that the emulator answers and the specification knows."""
    load.load()
    return [
        route
        for route in contract.routes()
        if routing.serves(route.verb, route.example_path) and operation_of(route.verb, route.example_path)
    ]


def parameters(route: contract.Route) -> dict[str, Schema]:
    """What the specification says that a route takes."""
    operation = operation_of(route.verb, route.example_path) or {}
    by_query = {
        each["name"]: each["schema"] for each in operation.get("parameters", []) if each["in"] == "query"
    }
    bodies = operation.get("requestBody", {}).get("content", {})
    return by_query | {
        name: schema
        for body in bodies.values()
        for name, schema in body["schema"].get("properties", {}).items()
    }


def test_the_specification_is_that_of_one_version_ago() -> None:
    assert document()["info"]["version"] == "2026-08-26.dahlia"


def test_an_answer_that_fits_and_ones_that_do_not_are_told_apart() -> None:
    path = "/v1/customers/cus_1"

    assert problems("GET", path, CUSTOMER) == []
    assert problems("GET", path, {**CUSTOMER, "created": None}) == [("customer.created", "is null")]
    assert problems("GET", path, {**CUSTOMER, "shoe_size": 4}) == [("customer.shoe_size", "is no field")]
    assert problems("GET", path, {**CUSTOMER, "tax_exempt": "maybe"}) == [
        ("customer.tax_exempt", "'maybe' is none of its words")
    ]
    missing = {key: value for key, value in CUSTOMER.items() if key != "livemode"}
    assert problems("GET", path, missing) == [("customer.livemode", "is missing")]


def test_an_id_may_be_the_object_and_the_object_is_judged() -> None:
    intent = schema_named("payment_intent")["properties"]["customer"]

    assert list(check(intent, "cus_1", "customer")) == []
    assert list(check(intent, CUSTOMER, "customer")) == []
    assert list(check(intent, {**CUSTOMER, "livemode": "no"}, "customer")) == [
        ("customer.livemode", "'no' is no boolean")
    ]


@with_sdk_16
def test_the_parameters_are_those_of_the_specification_but_for_what_changed() -> None:
    unlike = {
        f"{route} {name}"
        for route in served()
        for name in parameters(route).keys() ^ parameters_of(route).fields.keys()
        if name != "expand"
    }

    assert unlike == changed.PARAMETERS


@with_sdk_16
def test_a_parameter_takes_the_words_of_the_specification_but_for_what_changed() -> None:
    unlike = {
        f"{route} {name}"
        for route in served()
        for name, words in words_of(route).items()
        if words != set(parameters_of(route).fields[name].words)
    }

    assert unlike == changed.WORDS


def words_of(route: contract.Route) -> dict[str, set[str]]:
    """The words that the parameters of a route may be, without the empty one that unsets."""
    ours = parameters_of(route).fields
    words: dict[str, set[Any]] = {
        name: {word for each in schema.get("anyOf", [schema]) for word in each.get("enum", []) if word}
        for name, schema in parameters(route).items()
        if name in ours and ours[name].words
    }
    return {name: listed for name, listed in words.items() if listed}
