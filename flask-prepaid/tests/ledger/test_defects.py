"""A sample of the seeded defects; ``./dev campaign defects`` runs them all."""

from __future__ import annotations

import pytest

from flask_prepaid.testing import Databases

from .defects import DEFECTS, is_caught

SAMPLE = ["forgets_keys", "expires_a_second_late", "rounds_a_refund_down", "draws_what_ends_last_first"]


def test_there_are_enough_defects_to_choose_from() -> None:
    assert len(DEFECTS) >= 24


@pytest.mark.parametrize("name", SAMPLE)
def test_a_seeded_defect_is_caught(databases: Databases, name: str) -> None:
    assert is_caught(databases, name)
