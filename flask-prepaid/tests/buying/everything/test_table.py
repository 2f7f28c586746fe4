"""Each cell of the table is brought about on the emulator, and comes to what stands in it.

A sample of them; ``./dev campaign everything`` does them all, on both databases.
"""

from __future__ import annotations

import os
from pathlib import Path
from random import Random

import pytest

from flask_prepaid.testing import Databases

from .page import page
from .playing import CELLS, play, wanted
from .shape import NEVER, Table
from .table import TABLES

PAGE = Path(__file__).parents[4] / "docs/reference/what-happens-when.md"


#: The sample is the same in each run.
SEED = 20

#: One state in so many is brought about here, and of its cells one in so many is played.
STATES_ONE_IN, CELLS_ONE_IN = 4, 8


def of_each_table(one_in: int) -> list[tuple[Table, str]]:
    """Some states of each table."""
    return [
        (table, state)
        for table in TABLES
        for state in Random(f"{SEED}{table.title}").sample(
            list(table.states), -(-len(table.states) // one_in)
        )
    ]


def sample(table: Table, state: str) -> dict[str, str]:
    cells = wanted(table, state)
    chosen = Random(f"{SEED}{table.title}{state}").sample(list(cells), -(-len(cells) // CELLS_ONE_IN))
    return {event: cells[event] for event in cells if event in chosen}


@pytest.mark.parametrize(
    ("table", "state"),
    [pytest.param(*each, id=f"{each[0].title}-{each[1]}") for each in of_each_table(STATES_ONE_IN)],
)
def test_events_come_to_what_the_table_says(
    databases: Databases, kind: str, table: Table, state: str
) -> None:
    cells = sample(table, state)

    assert play(databases, kind, table, state, cells) == cells


def test_a_cell_that_cannot_happen_says_why() -> None:
    named = {
        cell.removeprefix("-")
        for table in TABLES
        for column in table.cells().values()
        for cell in column.values()
        if cell.startswith("-")
    }

    assert named == set(NEVER)


def test_every_state_and_event_has_a_way_to_come_about() -> None:
    for table in TABLES:
        cell = CELLS[table.title]
        for name in table.states:
            assert hasattr(cell, name.replace(" ", "_")), name


def test_the_page_of_the_documentation_is_the_table() -> None:
    """``WRITE=1`` writes it anew."""
    if os.environ.get("WRITE"):
        PAGE.write_text(page())

    assert PAGE.read_text() == page()
