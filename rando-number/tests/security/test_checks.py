"""Each check of SECURITY.md names the tests that prove it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
SECURITY = (TESTS.parents[1] / "SECURITY.md").read_text()

#: The rows of the table: the number of each check, and its tests.
CHECKS = {int(n): tests for n, tests in re.findall(r"^\| (\d+) \| .+? \| (.+?) \|$", SECURITY, re.M)}


def named_tests(check: int) -> list[tuple[str, str]]:
    """The tests that the table names for a check: the file and the function of each."""
    return re.findall(r"`([\w/]+\.py)::(\w+)`", CHECKS[check])


def test_the_table_numbers_its_checks_in_order() -> None:
    assert list(CHECKS) == list(range(1, len(CHECKS) + 1))
    assert len(CHECKS) >= 65


@pytest.mark.parametrize("check", CHECKS)
def test_every_test_that_a_check_names_exists(check: int) -> None:
    assert named_tests(check)
    for file, name in named_tests(check):
        assert f"\ndef {name}(" in (TESTS / file).read_text(), f"{file} has no {name}"
