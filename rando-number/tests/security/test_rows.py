"""Each row of the checks has a test by its number, or a line that says why it needs none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
SECURITY = (TESTS.parents[1] / "SECURITY.md").read_text()

#: The rows of the table: number, what it is about, and where its tests are.
TABLE = {
    int(n): (what, where) for n, what, where in re.findall(r"^\| (\d+) \| (.+?) \| (.+?) \|$", SECURITY, re.M)
}


def files_of(row: int) -> set[str]:
    """The files with a test that has the row in its name."""
    named = re.compile(rf"^def test_(?:row_\d\d_)*row_{row:02}_", re.M)
    return {
        str(file.relative_to(TESTS)) for file in TESTS.rglob("test_*.py") if named.search(file.read_text())
    }


def test_the_table_has_all_sixty_two_rows() -> None:
    assert list(TABLE) == list(range(1, 63))


@pytest.mark.parametrize("row", range(1, 63))
def test_a_row_has_its_tests_where_the_table_says(row: int) -> None:
    _, where = TABLE[row]

    listed = {name for name in re.findall(r"`([\w/]+\.py)`", where) if not name.startswith("journeys/")}
    assert listed == files_of(row)
    assert listed or f"- Row {row}:" in SECURITY
