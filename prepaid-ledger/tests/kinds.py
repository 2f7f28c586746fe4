"""On which kinds of database a test runs: a part of pytest's configuration, for the conftest files to import.

A test that asks for ``kind``, itself or by a fixture, runs on that kind of database. Marked
``each_database`` it runs on SQLite and on PostgreSQL: where locks, clashes or a database's own SQL
decide what happens. Every other runs on SQLite. A sample of these, drawn by ``--sample``, runs on
PostgreSQL too, and with ``--every-database`` all of them do. One in so many of the ledger's own on PostgreSQL
has it in partitions, and with ``--partitioned`` each has. With ``--late-numbers`` the numbers that PostgreSQL
gives out begin late: a test of several at once that relies on the first ones would fail by chance.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest
from sqlalchemy import Engine, text

#: One test in so many runs on PostgreSQL too, of those whose SQL is every database's.
ONE_IN = 20

#: In how many partitions the ledger's tables lie where they do.
PARTITIONS = 4

#: What gives numbers out on PostgreSQL.
SEQUENCES = "SELECT quote_ident(schemaname) || '.' || quote_ident(sequencename) FROM pg_sequences ORDER BY 1"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("databases")
    group.addoption("--every-database", action="store_true", help="run all on SQLite and on PostgreSQL")
    group.addoption("--partitioned", action="store_true", help="PostgreSQL's have the ledger in partitions")
    group.addoption("--late-numbers", action="store_true", help="PostgreSQL's numbers begin late")
    group.addoption("--sample", default="1", help="draws the tests that run on PostgreSQL too")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "kind" not in metafunc.fixturenames or "kind" in given_to(metafunc):
        return
    every = metafunc.config.getoption("--every-database", False)
    marked = metafunc.definition.get_closest_marker("each_database")
    chance = Random(f"{metafunc.config.getoption('--sample', '1')} {metafunc.definition.nodeid}")
    both = every or marked or chance.randrange(ONE_IN) == 0
    metafunc.parametrize("kind", ["sqlite", "postgresql"] if both else ["sqlite"])


def partitions_for(request: pytest.FixtureRequest, kind: str, *, sample: bool) -> int | None:
    """In how many partitions a test has the ledger; ``None``: in one piece.

    :param sample: Whether one in so many has it in partitions where nobody asks for that.
    """
    if kind != "postgresql":
        return None
    drawn = Random(f"{request.config.getoption('--sample', '1')} in partitions {request.node.nodeid}")
    if request.config.getoption("--partitioned", False) or (sample and drawn.randrange(ONE_IN) == 0):
        return PARTITIONS
    return None


def numbered_for(
    request: pytest.FixtureRequest, prepare: Callable[[Engine], None]
) -> Callable[[Engine], None]:
    """What prepares a database, with numbers that begin late where ``--late-numbers`` asks for it."""

    def prepare_late(engine: Engine) -> None:
        prepare(engine)
        if engine.dialect.name == "postgresql":
            with engine.begin() as connection:
                for number, name in enumerate(connection.scalars(text(SEQUENCES)).all(), 1):
                    connection.execute(text(f"ALTER SEQUENCE {name} RESTART WITH {1_000 * number}"))

    return prepare_late if request.config.getoption("--late-numbers", False) else prepare


def given_to(metafunc: pytest.Metafunc) -> set[str]:
    """The parameters that a test has from ``parametrize``."""
    names = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")]
    return {part.strip() for name in names for part in (name.split(",") if isinstance(name, str) else name)}
