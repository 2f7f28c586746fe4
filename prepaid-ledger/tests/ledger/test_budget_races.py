import pytest
from sqlalchemy import URL

from .budget_races import race

pytestmark = pytest.mark.each_database


def test_two_processes_with_32_callers_spend_exactly_their_budget(database: URL) -> None:
    """A short sample; ``./dev campaign budgets`` takes 200 rounds."""
    outcome = race(database, rounds=2, budget=12)

    assert outcome.wrong == []
    assert outcome.granted == 24
