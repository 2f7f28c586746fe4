"""JSON is the same text whoever writes it: orjson where it is installed, Python elsewhere."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stripe_emulator.contract import Given
from stripe_emulator.core import wire


@pytest.mark.parametrize("by_python", [False, True])
@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"id": "cus_1", "name": 'Zoë \u2028 "quoted"', "tags": ["a", None, True]}, None),
        ({"amount": 2**63 - 1, "rate": 0.9108, "large": 2**80}, None),
        ({"name": "half a pair \ud83d"}, None),
        ({"given": Given({"city": "Oslo"})}, '{"given":{"city":"Oslo"}}'),
    ],
    ids=["words", "numbers", "half a pair", "parameters"],
)
def test_json_is_the_same_whoever_writes_it(
    monkeypatch: pytest.MonkeyPatch, by_python: bool, value: Any, text: str | None
) -> None:
    if by_python:
        monkeypatch.setattr(wire, "_orjson", None)

    written = wire.encode(value)

    assert written == (text or json.dumps(value, ensure_ascii=False, separators=(",", ":")))
    assert json.loads(written) == value


@pytest.mark.parametrize("by_python", [False, True])
def test_what_is_written_out_counts_as_read(monkeypatch: pytest.MonkeyPatch, by_python: bool) -> None:
    if by_python:
        monkeypatch.setattr(wire, "_orjson", None)
    given = Given({"address": Given({"city": "Oslo"}), "phone": "1"})
    assert given["address"]
    assert given.unread() == ["address[city]", "phone"]

    wire.encode({"billing_details": given["address"]})

    assert given.unread() == ["phone"]
