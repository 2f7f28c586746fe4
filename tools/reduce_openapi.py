"""Cut Stripe's OpenAPI document down to what the emulator and its tests need.

    python tools/reduce_openapi.py stripe-openapi.json.gz stripe-emulator

Two files come of it. The tests compare with ``tests/specification/openapi.json.gz``: routes of products that
the emulator does not have are gone, and so is every text for people. The emulator reads
``src/stripe_emulator/contract/sources/specified.json``: what expands, how long a text may be, and the name of
every route.
The document is published under the MIT licence at https://github.com/stripe/openapi; the licence lies beside
both.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

#: Beginnings of paths that belong to Connect, or to products of their own.
NOT_OURS = (
    "/v1/account_links",
    "/v1/account_sessions",
    "/v1/accounts/{account}",
    "/v1/apple_pay",
    "/v1/application_fees",
    "/v1/apps",
    "/v1/balance_settings",
    "/v1/climate",
    "/v1/external_accounts",
    "/v1/financial_connections",
    "/v1/forwarding",
    "/v1/identity",
    "/v1/issuing",
    "/v1/linked_accounts",
    "/v1/reporting",
    "/v1/sigma",
    "/v1/tax/associations",
    "/v1/tax/registrations",
    "/v1/terminal",
    "/v1/test_helpers/issuing",
    "/v1/test_helpers/terminal",
    "/v1/test_helpers/treasury",
    "/v1/transfers",
    "/v1/treasury",
    "/v2/",
)

#: What of an operation, a parameter or a schema is compared.
KEPT = {
    "$ref",
    "additionalProperties",
    "anyOf",
    "content",
    "enum",
    "in",
    "items",
    "maxLength",
    "name",
    "nullable",
    "parameters",
    "properties",
    "requestBody",
    "required",
    "responses",
    "schema",
    "type",
    "x-expandableFields",
}

PREFIX = "#/components/schemas/"


def reduce(document: dict[str, Any]) -> dict[str, Any]:
    """The same document with fewer routes, and of its schemas those that they name."""
    paths = {
        path: {verb: _cut(operation) for verb, operation in operations.items()}
        for path, operations in document["paths"].items()
        if not path.startswith(NOT_OURS)
    }
    for operations in paths.values():
        for operation in operations.values():
            operation["responses"].pop("default", None)
    schemas = document["components"]["schemas"]
    kept: dict[str, Any] = {}
    wanted = set(_named_in(paths))
    while wanted:
        name = wanted.pop()
        kept[name] = _cut(schemas[name])
        wanted |= set(_named_in(kept[name])) - kept.keys()
    version = {"version": document["info"]["version"]}
    return {"info": version, "paths": paths, "components": {"schemas": dict(sorted(kept.items()))}}


def _cut(value: Any, *, of_names: bool = False) -> Any:
    """Without the keys that are for people. ``of_names``: the keys are names of fields, all kept."""
    if isinstance(value, list):
        return [_cut(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _cut(item, of_names=key == "properties" and not of_names)
        for key, item in value.items()
        if of_names or key in KEPT or key.isdigit() or "/" in key
    }


def _named_in(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _named_in(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == "$ref" and isinstance(item, str):
                yield item.removeprefix(PREFIX)
            else:
                yield from _named_in(item)


def specify(small: dict[str, Any]) -> dict[str, Any]:
    """What the SDK's annotations lack, by schema and by route.

    ``expandable`` has for each schema the fields that can be expanded, each with the schema of the hash
    in it; "" where another object is meant, which says its own name. Of hashes, those without such a field
    are left out. ``longest`` has for each route the most characters of its texts; ``[]`` is any row of a
    list.
    """
    schemas = small["components"]["schemas"]
    expandable = {
        name: {
            field: _hash_in(schema["properties"][field], schemas) for field in schema["x-expandableFields"]
        }
        for name, schema in schemas.items()
        if schema.get("x-expandableFields") or ("x-expandableFields" in schema and _is_object(schema))
    }
    longest = {
        f"{verb.upper()} {path}": dict(sorted(texts.items()))
        for path, operations in small["paths"].items()
        for verb, operation in operations.items()
        if (texts := dict(_texts_of(operation)))
    }
    return {"expandable": expandable, "longest": longest}


def routes_of(document: dict[str, Any]) -> dict[str, list[str]]:
    """The verbs of every path of the first API, also of those that no SDK calls any more."""
    return {
        path: sorted(verb.upper() for verb in operations)
        for path, operations in document["paths"].items()
        if path.startswith("/v1/")
    }


def _is_object(schema: dict[str, Any]) -> bool:
    return "object" in schema.get("properties", {})


def _hash_in(schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    hashes = [name for name in _named_in(schema) if not _is_object(schemas[name])]
    return hashes[0] if hashes else ""


def _texts_of(operation: dict[str, Any]) -> Iterator[tuple[str, int]]:
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "query":
            yield from _texts_in(parameter["schema"], parameter["name"])
    for body in operation.get("requestBody", {}).get("content", {}).values():
        for name, schema in body["schema"].get("properties", {}).items():
            yield from _texts_in(schema, name)


def _texts_in(schema: dict[str, Any], name: str) -> Iterator[tuple[str, int]]:
    for each in schema.get("anyOf", [schema]):
        if "maxLength" in each:
            yield name, each["maxLength"]
        if "items" in each:
            yield from _texts_in(each["items"], f"{name}[]")
        for field, nested in each.get("properties", {}).items():
            yield from _texts_in(nested, f"{name}[{field}]")


def _lines(specified: dict[str, dict[str, Any]]) -> str:
    """The tables as JSON with one line for each schema, each route and each path."""
    parts = []
    for title, table in specified.items():
        rows = ",\n".join(f"{json.dumps(key)}: {json.dumps(row)}" for key, row in sorted(table.items()))
        parts.append(f"{json.dumps(title)}: {{\n{rows}\n}}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    source, project = map(Path, sys.argv[1:3])
    whole = json.loads(gzip.decompress(source.read_bytes()))
    small = reduce(whole)
    text = json.dumps(small, separators=(",", ":"), sort_keys=True)
    copy = project / "tests/specification/openapi.json.gz"
    copy.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    table = project / "src/stripe_emulator/contract/sources/specified.json"
    specified = specify(json.loads(text)) | {"routes": routes_of(whole)}
    table.write_text(_lines(specified), encoding="utf-8")
