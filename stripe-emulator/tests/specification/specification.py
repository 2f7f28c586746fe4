"""Stripe's own specification, and whether an answer fits it.

It is of 2026-08-26.dahlia, one version before the emulator's; ``changed.py`` lists what changed since.
``tools/reduce_openapi.py`` makes the copy from what Stripe publishes.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("openapi.json.gz")
PREFIX = "#/components/schemas/"

Schema = dict[str, Any]

_TYPES: dict[str, tuple[type, ...]] = {
    "array": (list,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "object": (dict,),
    "string": (str,),
}


@cache
def document() -> Schema:
    loaded: Schema = json.loads(gzip.decompress(FILE.read_bytes()))
    return loaded


@cache
def routes() -> list[tuple[str, re.Pattern[str], Schema]]:
    """Each operation with the verb and a pattern of its path; those without ids first."""
    rows = [
        (verb.upper(), path, operation)
        for path, operations in document()["paths"].items()
        for verb, operation in operations.items()
    ]
    rows.sort(key=lambda row: row[1].count("{"))
    return [
        (verb, re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), operation) for verb, path, operation in rows
    ]


def operation_of(verb: str, path: str) -> Schema | None:
    """The operation that answers a request, or None if the specification has none."""
    for known_verb, pattern, operation in routes():
        if known_verb == verb and pattern.fullmatch(path):
            return operation
    return None


def schema_named(name: str) -> Schema:
    schema: Schema = document()["components"]["schemas"][name]
    return schema


def problems(verb: str, path: str, answer: Any) -> list[tuple[str, str]]:
    """Where a 2xx answer does not fit: ``(field, what is wrong)``. The field is named by its schema."""
    operation = operation_of(verb, path)
    if operation is None:
        return []
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    return list(check(schema, answer, "answer"))


def problems_of_object(name: str, value: Any) -> list[tuple[str, str]]:
    """Where an object of this name does not fit, as ``problems`` tells it."""
    if value.get("deleted") is True:
        name = f"deleted_{name}"
    if name not in document()["components"]["schemas"]:
        return []
    return list(check(schema_named(name), value, name))


def check(schema: Schema, value: Any, place: str) -> Iterator[tuple[str, str]]:
    """What is wrong with a value of this schema."""
    if value is None:
        if not schema.get("nullable"):
            yield place, "is null"
        return
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(PREFIX)
        yield from check(schema_named(name), value, name)
    elif "anyOf" in schema:
        yield from min((list(check(each, value, place)) for each in _candidates(schema, value)), key=len)
    else:
        yield from _check_plain(schema, value, place)


def _candidates(schema: Schema, value: Any) -> list[Schema]:
    """An object that says its name is judged by the schemas of that name."""
    named = [each for each in schema["anyOf"] if _may_be(each, value)]
    return named or schema["anyOf"]


def _may_be(schema: Schema, value: Any) -> bool:
    if "$ref" in schema:
        schema = schema_named(schema["$ref"].removeprefix(PREFIX))
    if "anyOf" in schema:
        return any(_may_be(each, value) for each in schema["anyOf"])
    if not isinstance(value, dict) or schema.get("type") != "object":
        return isinstance(value, _TYPES.get(schema.get("type", ""), ()))
    fields = schema.get("properties", {})
    names = fields.get("object", {}).get("enum")
    is_deleted = value.get("deleted") is True
    return names is None or (value.get("object") in names and ("deleted" in fields) == is_deleted)


def _check_plain(schema: Schema, value: Any, place: str) -> Iterator[tuple[str, str]]:
    wanted = schema.get("type")
    if wanted is None:
        return
    is_one: bool = isinstance(value, _TYPES[wanted])
    if not is_one or (isinstance(value, bool) and wanted != "boolean"):
        yield place, f"{value!r:.80} is no {wanted}"
    elif "enum" in schema and value not in schema["enum"]:
        yield place, f"{value!r:.80} is none of its words"
    elif wanted == "string" and len(value) > schema.get("maxLength", len(value)):
        yield place, f"is longer than {schema['maxLength']}"
    elif wanted == "array":
        for item in value:
            yield from check(schema["items"], item, f"{place}[]")
    elif wanted == "object":
        yield from _check_fields(schema, value, place)


def _check_fields(schema: Schema, value: Any, place: str) -> Iterator[tuple[str, str]]:
    fields: Schema = schema.get("properties", {})
    for name in schema.get("required", []):
        if name not in value:
            yield f"{place}.{name}", "is missing"
    more = schema.get("additionalProperties")
    for name, item in value.items():
        if name in fields:
            yield from check(fields[name], item, f"{place}.{name}")
        elif isinstance(more, dict):
            yield from check(more, item, f"{place}.*")
        elif fields and not more:
            yield f"{place}.{name}", "is no field"
