"""Kill -9 between the commit and what it tells: nothing is lost. ``./dev campaign outbox`` does 1,000."""

from __future__ import annotations

from pathlib import Path

from flask_prepaid.testing import Databases

from .hearing import hearing
from .kills import kill


def test_what_was_committed_is_told_whoever_is_killed(
    databases: Databases, tmp_path: Path, kind: str
) -> None:
    with hearing() as program:
        program.fails_every = 20
        toll = kill(databases.fresh(kind), tmp_path, program, kills=4, seed=1)
    assert toll.wrong == []
    assert toll.messages > 0
    assert toll.unsent > 0, "nobody was killed between a commit and what it tells"
