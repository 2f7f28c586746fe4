"""A sample of ``./dev campaign mutants``, and that its table is about the code as it is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from campaigns.mutants import choose, tried
from campaigns.mutation.rules import Mutant, mutants
from campaigns.mutation.table import ALWAYS, EQUIVALENT, NEARBY


@pytest.fixture(scope="module")
def made() -> list[Mutant]:
    return [mutant for group in NEARBY.values() for file in group.sources() for mutant in mutants(file)]


def test_changes_that_went_unnoticed_are_always_tried(made: list[Mutant]) -> None:
    changes = {(mutant.file.name, mutant.change) for mutant in choose("", 64, 1)}
    assert set(ALWAYS) <= changes


def test_what_is_explained_is_a_line_that_is_still_there(made: list[Mutant]) -> None:
    assert EQUIVALENT.keys() - {(mutant.file.name, mutant.text, mutant.change) for mutant in made} == set()


def test_the_choice_is_spread_over_all_files_and_repeats_itself() -> None:
    chosen = choose("", 64, 1)
    assert len(chosen) == len({mutant.name for mutant in chosen}) == 64
    assert {mutant.file for mutant in chosen} == {
        file for group in NEARBY.values() for file in group.sources()
    }
    assert choose("", 64, 1) == chosen != choose("", 64, 2)


SHARE = replace(NEARBY["ledger"], files=("reversals/shares.py",))


def test_three_mistakes_in_a_clawback_are_noticed(made: list[Mutant]) -> None:
    mistakes = ["min(bought, self.credits - self.named) -> bought", "self.gone += move.credits -> pass"]
    mistakes.append("min(credits, self.credits - self.taken - covered) -> credits")
    chosen = [mutant for mutant in made if mutant.file.name == "shares.py" and mutant.change in mistakes][:3]

    ends = tried(replace(SHARE, tests=("test_unspent.py",)), chosen)

    assert [end["outcome"] for end in ends] == ["killed"] * 3


def test_a_mistake_that_no_test_looks_at_survives(made: list[Mutant]) -> None:
    chosen = [mutant for mutant in made if mutant.file.name == "shares.py"][:1]

    ends = tried(replace(SHARE, tests=("test_holds.py",)), chosen)

    assert [end["outcome"] for end in ends] == ["survived"]
