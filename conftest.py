"""What holds for every test: where `./dev test` put what it fetched, and what the apps of a process share.

Each test makes an app of its own, and each app would compile the same templates, routes and SQL
anew: half of what a short test takes. What is shared is code made of the same source, and nothing else.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

import pytest
from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from kinds import pytest_addoption  # noqa: F401
from sqlalchemy import Connection, Dialect, Engine, event
from werkzeug.routing import Rule
from werkzeug.routing.rules import RulePart

#: How long a browser waits for what must come; on a busy machine that takes its time.
PATIENCE_MS = 60_000

NODE_MODULES = Path(__file__).parent / "node_modules"
JOURNEYS = Path(__file__).parent / "journeys"

#: Fixtures of a shop that is started as its user starts it, once in each process that asks for it.
SHARED_SHOPS = {"shop", "own_form_shop"}

os.environ.setdefault("NODE_MODULES", str(NODE_MODULES))
os.environ.setdefault("CHROMIUM", str(NODE_MODULES / ".chromium" / "chromium.sh"))

# Programs that tests start: pytest without what takes it 3 s to load, and Python that compiles us once.
os.environ["PYTEST_ADDOPTS"] = "-p no:schemathesis"
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


class Templates(BytecodeCache):
    """Templates as Python's code, by their name and the checksum of their source."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if code := self.kept.get((bucket.key, bucket.checksum)):
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.kept[bucket.key, bucket.checksum] = bucket.bytecode_to_string()


class Route(Rule):
    """A rule that is parsed, and builds addresses, as an earlier one with the same parts."""

    builders: ClassVar[dict[str, Callable[..., tuple[str, str]]]] = {}
    parsed: ClassVar[dict[str, tuple[list[RulePart], list[tuple[bool, str]]]]] = {}

    def _parse_rule(self, rule: str) -> Iterable[RulePart]:
        if "<" in rule:  # its converters belong to the app
            return super()._parse_rule(rule)
        if rule not in self.parsed:
            before = len(self._trace)
            parts = list(super()._parse_rule(rule))
            self.parsed[rule] = parts, self._trace[before:]
        else:
            self._trace.extend(self.parsed[rule][1])
        return self.parsed[rule][0]

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        parts = repr((self.rule, self._trace, self.defaults, append_unknown))
        if parts not in self.builders:
            self.builders[parts] = super()._compile_builder(append_unknown)
        return self.builders[parts]


class Statements(dict[tuple[Any, ...], Any]):
    """Compiled SQL by its structure and the kind of database; an engine keeps it by the engine's dialect."""

    def get(self, key: tuple[Any, ...], default: Any = None) -> Any:
        return super().get((type(key[0]), *key[1:]), default)

    def __setitem__(self, key: tuple[Any, ...], compiled: Any) -> None:
        super().__setitem__((type(key[0]), *key[1:]), compiled)


class ClosedInTheEnd(sqlite3.Connection):
    """A test drops its app with the engine in it, as a process ends with its own; Python 3.13 reports it."""

    def __del__(self) -> None:
        with suppress(sqlite3.ProgrammingError):  # it belongs to another thread
            self.close()


@pytest.fixture(autouse=True)
def debugged_alone() -> Iterator[None]:
    """``flask --debug`` of a test in its own process sets a variable, which later tests would see."""
    before = os.environ.get("FLASK_DEBUG")
    yield
    if before is None:
        os.environ.pop("FLASK_DEBUG", None)
    else:
        os.environ["FLASK_DEBUG"] = before


def pytest_configure(config: pytest.Config) -> None:
    if config.pluginmanager.hasplugin("playwright"):
        from playwright.sync_api import expect

        expect.set_options(timeout=PATIENCE_MS)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Have the second worker begin with the journeys: those that share a started shop, then all in a browser.

    Each worker begins with an equal part of all tests, and one that has none left takes some from the end of
    another's. What is slow should be no worker's last; and a shop starts in each worker that visits it.
    """
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    if workers == 1:
        return
    ranks = [(rank_of(item), item) for item in items]
    slow = [item for wanted in (0, 1, 2) for rank, item in ranks if rank == wanted]
    quick = [item for rank, item in ranks if rank is None]
    begin = len(items) // workers
    items[:] = [*quick[:begin], *slow, *quick[begin:]]


def rank_of(item: pytest.Item) -> int | None:
    """Where a slow test stands among these; ``None`` for one that is quick."""
    names = set(getattr(item, "fixturenames", ()))
    is_journey = JOURNEYS in item.path.parents
    if is_journey and names & SHARED_SHOPS:
        return 0
    if "browser" in names:
        return 1
    return 2 if is_journey else None


def pytest_collection_finish() -> None:
    """Have cycles looked for seldom, and not among what imports left: that was a seventh of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Iterator[None]:
    """Let a test without a browser run event loops of its own, as ``asyncio.run`` and async views do.

    Playwright's loop lasts from the first browser to the end of the process, in the thread of all tests;
    asyncio refuses a second one there, although the first stands still meanwhile.
    """
    loop = asyncio._get_running_loop()
    if loop is None or "playwright" in pyfuncitem.fixturenames:
        return (yield)
    asyncio._set_running_loop(None)
    try:
        return (yield)
    finally:
        asyncio._set_running_loop(loop)


Flask.url_rule_class = Route
Flask.jinja_options = {"bytecode_cache": Templates()}
STATEMENTS = Statements()


@event.listens_for(Engine, "engine_connect")
def share_statements(connection: Connection) -> None:
    connection.execution_options(compiled_cache=STATEMENTS)


@event.listens_for(Engine, "do_connect")
def close_in_the_end(dialect: Dialect, record: object, words: list[Any], options: dict[str, Any]) -> None:
    if dialect.name == "sqlite":
        options.setdefault("factory", ClosedInTheEnd)
