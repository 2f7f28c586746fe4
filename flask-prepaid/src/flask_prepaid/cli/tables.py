"""A report as a table for people: its columns, their widths, and amounts with their currencies."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import click

from .. import money

Row = dict[str, Any]


@dataclass(frozen=True)
class Report:
    """``rows`` by period with the columns of ``head``, ``totals``, and ``more``, which CSV leaves out."""

    head: list[str]
    rows: list[Row]
    totals: list[Row]
    more: Row


def show(made: Report) -> None:
    """A report as a table for people."""
    click.echo("  ".join(heads(made.head)))
    for row in [*made.rows, *({made.head[0]: "all", **total} for total in made.totals)]:
        click.echo("  ".join(cells(row, made.head)))
    for name, value in made.more.items():
        click.echo(f"{name.removesuffix('_minor').replace('_', ' ')}: {in_words(name, value)}")


#: How wide a column is: what is no amount by its name, an amount like every other.
WIDTHS = {
    "date": 10,
    "account": 20,
    "debit": 14,
    "credit": 14,
    "entry": 28,
    "text": 40,
    "day": 10,
    "code": 24,
    "currency": 8,
    "product": 20,
    "plan": 20,
    "country": 8,
    "tax": 24,
    "customer": 20,
    "began": 10,
}

WIDTH = 14


def heads(names: list[str]) -> list[str]:
    """The names above the columns, without their unit: amounts are shown with their currency."""
    words = [name.removesuffix("_minor").replace("_", " ") for name in names]
    counts = {word for word, name in zip(words, names, strict=True) if word == name}
    words = [
        f"amount {word}" if name.endswith("_minor") and word in counts else word
        for word, name in zip(words, names, strict=True)
    ]
    return [
        f"{word:<{WIDTHS[name]}}" if name in WIDTHS else f"{word:>{WIDTH}}"
        for word, name in zip(words, names, strict=True)
    ]


def in_words(name: str, value: Any) -> str:
    """What stands below a table: amounts with their currency, and with their name where they have one."""
    if not (name.endswith("_minor") and isinstance(value, dict)):
        return f"{value:,}" if isinstance(value, int) else str(value or "none")
    amounts = []
    for currency, minor in value.items():
        named = minor if isinstance(minor, dict) else {"": minor}
        amounts += [
            f"{word.replace('_', ' ')} {money.show(amount, currency)}".strip()
            for word, amount in named.items()
        ]
    return ", ".join(amounts) or "none"


def cells(row: Row, names: list[str]) -> list[str]:
    """A line for people: money with its sign, counts, rates, and nothing where nothing is known."""
    texts = []
    for name in names:
        value = row.get(name)
        if name in WIDTHS:
            texts.append(f"{value or '':<{WIDTHS[name]}}")
        elif value is None:
            texts.append(" " * WIDTH)
        elif name.endswith("_minor"):
            texts.append(f"{money.show(value, row['currency']):>{WIDTH}}")
        else:
            texts.append(f"{value:>{WIDTH}.1%}" if isinstance(value, float) else f"{_count(value):>{WIDTH}}")
    return texts


def _count(value: int | str) -> str:
    """A count for people; credits of a unit with decimals are a text."""
    return f"{Decimal(value):,}" if isinstance(value, str) else f"{value:,}"
