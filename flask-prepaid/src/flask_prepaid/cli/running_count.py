"""A running count for whoever watches a command at a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import click


class Seen(Protocol):
    """Is called for each thing that was done, or for so many."""

    def __call__(self, count: int = 1, /) -> None: ...


@contextmanager
def running_count(what: str) -> Iterator[Seen]:
    """A running count on a terminal; nothing anywhere else."""
    total = 0

    def seen(count: int = 1, /) -> None:
        nonlocal total
        total += count
        if sys.stderr.isatty():
            click.echo(f"\r{total:,} {what}", nl=False, err=True)

    yield seen
    if sys.stderr.isatty():
        click.echo("", err=True)
