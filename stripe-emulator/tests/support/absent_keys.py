"""Derive ``contract/absent.json``: which optional fields Stripe's sample objects leave out.

    python stripe-emulator/tests/support/absent_keys.py

Run it after an upgrade of the SDK, with that version's ``fixtures3.json`` of
https://github.com/stripe/openapi in ``tests/data/stripe-fixtures3.json``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from stripe._object_classes import OBJECT_CLASSES

from stripe_emulator.contract import responses

SAMPLES = Path(__file__).parents[1] / "data" / "stripe-fixtures3.json"
TABLE = Path(responses.__file__).with_name("absent.json")


@cache
def samples() -> dict[str, dict[str, Any]]:
    """Stripe's sample of each object that the SDK has a class for; deleted ones too."""
    resources: dict[str, dict[str, Any]] = json.loads(SAMPLES.read_text())["resources"]
    return {name: sample for name, sample in resources.items() if object_name(name, sample) in OBJECT_CLASSES}


def object_name(name: str, sample: dict[str, Any]) -> str:
    return str(sample.get("object", name))


def derive() -> dict[str, list[str]]:
    """For each class that a sample shows: its optional fields that a sample leaves out."""
    table: dict[str, set[str]] = {}
    for name, sample in samples().items():
        if sample.get("deleted"):
            continue
        for shape, value in _hashes_in(responses.object_named(object_name(name, sample)), sample):
            optional = {key for key, field in shape.fields.items() if field.nullable}
            table.setdefault(shape.key, set()).update(optional - value.keys())
    return {key: sorted(absent) for key, absent in sorted(table.items())}


def _hashes_in(shape: responses.Shape, value: Any) -> Iterator[tuple[responses.Object, dict[str, Any]]]:
    """Each hash of a sample with its class.

    An empty hash says nothing about its fields. An object within another is
    often abbreviated: it has a sample of its own, which tells better.
    """
    if isinstance(shape, responses.Object) and isinstance(value, dict) and value:
        yield shape, value
        for key, each in value.items():
            if key in shape.fields:
                yield from _hashes_within(shape.fields[key], each)
    elif isinstance(shape, responses.Page | responses.Rows | responses.Map):
        for each in _members(shape, value):
            yield from _hashes_within(shape.item, each)


def _hashes_within(field: responses.Value, value: Any) -> Iterator[tuple[responses.Object, dict[str, Any]]]:
    for shape in field.candidates(value):
        if not isinstance(shape, responses.Object) or shape.name not in samples():
            yield from _hashes_in(shape, value)


def _members(shape: responses.Shape, value: Any) -> list[Any]:
    if isinstance(shape, responses.Page):
        return list(value["data"]) if isinstance(value, dict) else []
    if isinstance(shape, responses.Map):
        return list(value.values()) if isinstance(value, dict) else []
    return value if isinstance(value, list) else []


def write() -> None:
    lines = [f"  {json.dumps(key)}: {json.dumps(absent)}" for key, absent in derive().items()]
    TABLE.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    write()
