"""A sample of the seeded defects; ``./dev campaign defects`` runs them all."""

from __future__ import annotations

import pytest

from prepaid_ledger.testing import Databases

from .defects import DEFECTS, is_caught

#: Each with a seed that soon comes upon it. Another finds it too, some dozens of histories later.
SAMPLE = {
    "forgets_keys": 4,
    "expires_a_second_late": 3,
}


def test_there_are_enough_defects_to_choose_from() -> None:
    assert len(DEFECTS) >= 24


@pytest.mark.parametrize(("name", "number"), SAMPLE.items())
def test_a_seeded_defect_is_caught(databases: Databases, name: str, number: int) -> None:
    assert is_caught(databases, name, number=number)
