"""The fault matrix, Client, Network and Stripe: each of its 43 rows has a test whose name carries it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

#: What goes wrong in each row, from the first on.
FAULTS = (
    *("double click", "tab closed", "back button", "two tabs", "same key, other amount"),
    *("client hangs up", "somebody else's return", "return before paying", "refresh", "no script"),
    *("refused", "blackhole", "request cut", "answer cut", "answer dropped", "latency", "throttled"),
    *("bad certificate", "no such name", "HTML for an answer", "500 before work", "500 after work"),
    *("key in use", "429", "down for a day", "key pruned", "decline and challenge", "copies", "orders"),
    *("event before our row", "no event", "event never made", "late event", "bad signature", "not for us"),
    *("another amount", "refund of what is spent", "refunds in parts", "refund fails", "dispute"),
    *("renewal", "deleted in the dashboard", "fees differ"),
)

#: ``test_row_7_...`` and ``test_rows_21_and_22_...``
NAMED = re.compile(r"test_rows?_(\d+)(?:_and_(\d+))?_")


def rows_of(file: Path) -> Iterator[int]:
    """The rows that the names of a file's tests carry."""
    for node in ast.walk(ast.parse(file.read_text())):
        found = NAMED.match(node.name) if isinstance(node, ast.FunctionDef) else None
        yield from (int(row) for row in found.groups() if row) if found else ()


def test_each_row_of_the_matrix_has_a_test_that_names_it() -> None:
    told = {row for file in Path(__file__).parent.rglob("test_*.py") for row in rows_of(file)}

    assert [f"{row} {fault}" for row, fault in enumerate(FAULTS, 1) if row not in told] == []
    assert len(FAULTS) == 43
