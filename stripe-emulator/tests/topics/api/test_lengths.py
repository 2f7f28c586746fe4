"""Texts that are longer than Stripe takes, by its specification."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stripe

from stripe_emulator import contract
from stripe_emulator.contract.sources import specified
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.server import load

from ..shop import Shop, envelope

SPECIFICATION = Path(__file__).parents[2] / "specification" / "openapi.json.gz"


@pytest.mark.parametrize(
    ("path", "param", "most"),
    [
        ("customers", "name", 256),
        ("customers", "description", 5000),
        ("customers", "address[city]", 5000),
        ("customers", "preferred_locales[0]", 5000),
        ("products", "statement_descriptor", 22),
        ("products", "marketing_features[0][name]", 5000),
        ("payment_intents", "statement_descriptor_suffix", 22),
        ("payment_intents", "description", 1000),
        ("coupons", "name", 40),
        ("tax_rates", "display_name", 50),
        ("webhook_endpoints", "description", 5000),
    ],
)
def test_a_text_may_be_as_long_as_stripe_takes_it_and_no_longer(
    shop: Shop, path: str, param: str, most: int
) -> None:
    text = "First half" + "x" * (most - 20) + "other half"
    refused = post(shop, path, param, text + "!")

    assert refused["type"] == "invalid_request_error"
    assert refused["param"] == param
    assert refused["message"] == f"Invalid string: First half...ther half!; must be at most {most} characters"
    assert post(shop, path, param, text)["param"] != param


def post(shop: Shop, path: str, param: str, text: str) -> dict[str, Any]:
    """The error of a form, or one that names nothing."""
    needed = {
        "coupons": {"percent_off": "10"},
        "payment_intents": {"amount": "500", "currency": "usd"},
        "products": {"name": "Gold"},
        "tax_rates": {"percentage": "10", "inclusive": "true"} | {"display_name": "VAT"},
        "webhook_endpoints": {"url": "https://shop.example/hook", "enabled_events[0]": "*"},
    }
    reply = shop.emulator.browser().post(
        f"/v1/{path}",
        data=needed.get(path, {}) | {param: text},
        headers={"Authorization": "Bearer sk_test_x"},
    )
    error: dict[str, Any] = json.loads(reply.text).get("error", {})
    return {"param": None, **error}


def test_metadata_has_its_own_limits(shop: Shop) -> None:
    for metadata in ({"k" * 41: "v"}, {"k": "v" * 501}, {f"k{number}": "v" for number in range(51)}):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            shop.v1.customers.create({"metadata": metadata})
        assert envelope(refused.value)["param"].startswith("metadata")
    shop.v1.customers.create({"metadata": {"k" * 40: "v" * 500}})


def limits() -> Iterator[tuple[str, str, int]]:
    """Each limit of Stripe's document: route, parameter with [0] for a row, the most characters."""
    document = json.loads(gzip.decompress(SPECIFICATION.read_bytes()))
    for path, operations in document["paths"].items():
        for verb, operation in operations.items():
            for body in operation.get("requestBody", {}).get("content", {}).values():
                yield from ((f"{verb.upper()} {path}", *limit) for limit in within(body["schema"], ""))


def within(schema: dict[str, Any], name: str) -> Iterator[tuple[str, int]]:
    if "maxLength" in schema:
        yield name, schema["maxLength"]
    for other in schema.get("anyOf", ()):
        yield from within(other, name)
    if "items" in schema:
        yield from within(schema["items"], f"{name}[0]")
    for key, nested in schema.get("properties", {}).items():
        yield from within(nested, f"{name}[{key}]" if name else key)


def test_every_text_of_every_route_has_the_limit_of_the_specification() -> None:
    load.load()
    unlike = []
    for named, param, most in limits():
        route = contract.find(*named.replace("{", "").replace("}", "").split())
        if route is None:
            continue
        specified.check_lengths(route, values_of(param, "x" * most))
        with pytest.raises(InvalidRequest) as refused:
            specified.check_lengths(route, values_of(param, "x" * (most + 1)))
        if refused.value.param != param:
            unlike.append((named, param))
    assert unlike == []


def values_of(param: str, text: str) -> dict[str, Any]:
    """The typed form in which one parameter has this text."""
    first, *keys = param.replace("]", "").split("[")
    value: Any = text
    for key in reversed(keys):
        value = [value] if key == "0" else {key: value}
    return {first: value}
