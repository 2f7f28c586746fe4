from pathlib import Path

import pytest
from sqlalchemy import URL

from .kills import hammer

pytestmark = pytest.mark.each_database


def test_what_was_acknowledged_is_in_the_books_after_kills(database: URL, tmp_path: Path) -> None:
    """A short sample; ``./dev campaign kills`` takes its time."""
    toll = hammer(database, tmp_path, kills=4, processes=3, seed=1)

    assert toll.wrong == []
    assert toll.kills == 4
    assert toll.acknowledged >= 4
