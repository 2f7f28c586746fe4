"""The reports as a test reads them."""

from __future__ import annotations

import json
from typing import Any

from ..shop import Shop


def report(shop: Shop, what: str, *options: str) -> dict[str, Any]:
    """What ``flask prepaid report --json`` prints, on one line."""
    result = shop.command("report", what, "--json", *options)
    assert result.exit_code == 0, result.output
    assert result.stdout.count("\n") == 1
    return dict(json.loads(result.stdout))


def rows_of(reported: dict[str, Any]) -> dict[Any, dict[str, int]]:
    """Each line by its day, and its currency if it has one, without what is zero."""
    return {
        (row["day"], row["currency"]) if "currency" in row else row["day"]: {
            name: value
            for name, value in row.items()
            if isinstance(value, int) and value and name != "change"
        }
        for row in reported["rows"]
    }


def without_zeros(recount: Any) -> dict[Any, dict[str, int]]:
    """A recount as ``rows_of`` has it."""
    return {key: {name: value for name, value in cell.items() if value} for key, cell in recount.items()}
