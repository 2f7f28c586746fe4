"""Cut Stripe's OpenAPI document down to what the emulator's tests compare with.

    python tools/reduce_openapi.py stripe-openapi.json.gz stripe-emulator/tests/specification/openapi.json.gz

Routes of products that the emulator does not have go, and so does every text for people. The document
is published under the MIT licence at https://github.com/stripe/openapi; the licence lies beside the copy.
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
    "/v1/tax/",
    "/v1/terminal",
    "/v1/test_helpers/issuing",
    "/v1/test_helpers/terminal",
    "/v1/test_helpers/treasury",
    "/v1/topups",
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


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:3])
    small = reduce(json.loads(gzip.decompress(source.read_bytes())))
    text = json.dumps(small, separators=(",", ":"), sort_keys=True)
    target.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
