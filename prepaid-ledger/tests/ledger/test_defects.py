"""A sample of the seeded defects; ``./dev campaign defects`` runs them all."""

from __future__ import annotations

import pytest

from prepaid_ledger.testing import Databases

from .defects import DEFECTS, is_caught
from .test_histories import RULES

#: Each with the steps that come upon it. Histories of all steps find it too, after some dozens of them: at
#: which one depends on how many steps there are, and a seed that was lucky is not when one is added.
SAMPLE = {
    "forgets_keys": {"grant", "spend_now", "a_spend_comes_again"},
    "expires_a_second_late": {"grant", "spend", "time_goes_on_to_the_second_that_something_ends"},
}


def test_there_are_enough_defects_to_choose_from() -> None:
    assert len(DEFECTS) >= 24


@pytest.mark.parametrize(("name", "rules"), SAMPLE.items(), ids=SAMPLE)
def test_a_seeded_defect_is_caught(databases: Databases, name: str, rules: set[str]) -> None:
    assert rules <= RULES
    assert is_caught(databases, name, examples=20, number=1, rules=rules)
