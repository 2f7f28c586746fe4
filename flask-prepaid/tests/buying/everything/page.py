"""The table as a page of the documentation."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import fill

from .shape import NEVER, Table
from .table import TABLES

HEAD = """# What happens when

Every event that moves credits or money, in every state that it can meet. A cell is what the customer has
afterwards: the credits that can be spent, and what is owed. *refused* changes nothing and says why. What
stands in brackets can't happen; why, stands below each table.

This page is made of the table that the tests bring about on the emulator, cell by cell:
`flask-prepaid/tests/buying/everything/table.py`.
"""


def page() -> str:
    return "\n".join([HEAD, *(line for table in TABLES for line in section(table))])


def section(table: Table) -> Iterator[str]:
    yield f"## {table.title}\n\n{in_lines(table.about)}\n"
    yield "| | " + " | ".join(table.states) + " |"
    yield "|---|" + "---|" * len(table.states)
    cells = table.cells()
    for event in table.events:
        yield f"| {event} | " + " | ".join(shown(cells[state][event]) for state in table.states) + " |"
    yield "\nStates:\n"
    yield from (in_lines(f"- *{state}*: {meaning}") for state, meaning in table.states.items())
    yield "\nEvents:\n"
    yield from (in_lines(f"- *{event}*: {meaning}") for event, meaning in table.events.items())
    never = {cell[1:] for column in cells.values() for cell in column.values() if cell.startswith("-")}
    yield "\nWhat can't happen:\n"
    yield from (in_lines(f"- **{word}**: {why}") for word, why in NEVER.items() if word in never)
    yield ""


def in_lines(text: str) -> str:
    """A paragraph, or an item of a list, in lines as wide as those of all pages."""
    indent = "  " if text.startswith("- ") else ""
    return fill(text, 110, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def shown(cell: str) -> str:
    return f"({cell[1:]})" if cell.startswith("-") else cell
