"""Cells of CSV files. A spreadsheet runs what looks like a formula, whoever has written it."""

from __future__ import annotations

#: How a formula begins. A spreadsheet takes the full-width signs for the plain ones.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001


def inert(cell: object) -> object:
    """A cell that no spreadsheet takes for a formula: a text that begins like one gets a quote."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell
