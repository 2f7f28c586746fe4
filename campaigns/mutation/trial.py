"""Tries mutants in one run of pytest: a process of its own for each, forked when all tests are collected.

A mutant is put into the process's memory: its code takes the place of the function's. No file is written.
First all tests run on the true code, and tell which functions each of them reaches. A mutant is tried by
those that reach its function, the shortest first, until one of them fails.

A plugin of pytest, switched on by ``campaigns/mutants.py``, which hands it its orders in ``ORDERS``.
"""

from __future__ import annotations

import ast
import gc
import json
import os
import resource
import signal
import time
import traceback
from bisect import bisect
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import accumulate, zip_longest
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import pytest

from .rules import Mutant, code_of, functions, mutants

#: The environment variable with the orders: which files and mutants, and where answers go.
ORDERS = "MUTANTS_ORDERS"

#: Seconds of one core that the tests of a mutant take on the true code, at most; the longest are left out.
WITHIN_S = 60

#: How many times as many a mutant gets before it is ended as one that hangs.
PATIENT = 3

#: Seconds by the clock after which one that waits for something is ended.
PATIENCE_S = 900


@dataclass
class Told:
    """What a run of tests has told: seconds and functions of each test, and the first that failed."""

    seconds: dict[str, float] = field(default_factory=dict)
    reached: dict[str, list[str]] = field(default_factory=dict)
    failed: str | None = None


class Trial:
    """The tests of one run of pytest, and what they say of each mutant."""

    def __init__(self, orders: dict[str, Any]) -> None:
        self.files = [Path(file) for file in orders["files"]]
        self.names: list[str] = orders["names"]
        self.answers = os.fdopen(orders["answers"], "w", buffering=1)
        self.told = Told()
        self.at: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and self.told.failed is None:
            self.told.failed = report.nodeid

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = [item for item in session.items if "postgresql" not in item.nodeid]
        truth = self.in_a_child(items, None)
        if not isinstance(truth, Told) or truth.failed:
            self.answer({"broken": truth.failed if isinstance(truth, Told) else truth})
            return True
        by_name = {mutant.name: mutant for file in self.files for mutant in mutants(file)}
        for name in self.names:
            mutant = by_name[name]
            place = f"{mutant.file}:{mutant.function}"
            reaching = [item for item in items if place in truth.reached[item.nodeid]]
            reaching.sort(key=lambda item: truth.seconds[item.nodeid])
            needed = list(accumulate(truth.seconds[item.nodeid] for item in reaching))
            reaching = reaching[: bisect(needed, WITHIN_S)]
            start = time.monotonic()
            end = self.in_a_child(reaching, mutant)
            outcome, by = (
                ("hangs", end)
                if isinstance(end, str)
                else ("killed" if end.failed else "survived", end.failed)
            )
            spent = round(time.monotonic() - start, 1)
            self.answer(
                {"name": name, "outcome": outcome, "by": by, "tests": len(reaching), "seconds": spent}
            )
        return True

    def answer(self, words: dict[str, Any]) -> None:
        print(json.dumps(words), file=self.answers, flush=True)

    def in_a_child(self, items: list[pytest.Item], mutant: Mutant | None) -> Told | str:
        """What the tests tell in a process of their own, or which signal has ended it before.

        :raises ChildProcessError: It has failed in another way: the trial is at fault, not the mutant.
        """
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            os.close(reading)
            try:
                if mutant:
                    resource.setrlimit(resource.RLIMIT_CPU, (WITHIN_S * PATIENT, WITHIN_S * PATIENT))
                    signal.alarm(PATIENCE_S)
                self.run(items, mutant)
                with os.fdopen(writing, "w") as pipe:
                    json.dump(vars(self.told), pipe)
                os._exit(0)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
        os.close(writing)
        with os.fdopen(reading) as pipe:
            words = pipe.read()
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            return f"ended by signal {os.WTERMSIG(status)}"
        if os.WEXITSTATUS(status):
            raise ChildProcessError(f"{mutant.name if mutant else 'the tests'} could not be tried")
        return Told(**json.loads(words))

    def run(self, items: list[pytest.Item], mutant: Mutant | None) -> None:
        """Run the tests: of a mutant until one fails, and of the true code all, to see what they reach."""
        self.told = Told()
        if mutant is None:
            self.watch()
        else:
            put(mutant.file, {mutant.function: mutant.code()})
        for item, following in zip_longest(items, items[1:]):
            self.at = set()
            start = time.process_time()
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            self.told.seconds[item.nodeid] = time.process_time() - start
            self.told.reached[item.nodeid] = sorted(self.at)
            if self.told.failed:
                return

    def watch(self) -> None:
        """Have each function of the files say when it is called."""
        for file in self.files:
            watched: dict[str, CodeType] = {}
            for name, _ in functions(ast.parse(file.read_text())):
                tree = ast.parse(file.read_text())
                call = ast.parse(f"__reached__({f'{file}:{name}'!r})").body[0]
                function = dict(functions(tree))[name]
                function.body.insert(1 if ast.get_docstring(function) else 0, call)
                watched[name] = code_of(tree, file, name)
            for function_at in put(file, watched):
                function_at.__globals__["__reached__"] = self.reach

    def reach(self, place: str) -> None:
        self.at.add(place)


def put(file: Path, codes: dict[str, CodeType]) -> Iterable[FunctionType]:
    """Put other code into a file's functions, wherever they are known by now.

    :raises LookupError: One of them is not loaded.
    """
    gc.unfreeze()  # what the tests' conftest has frozen is not listed
    mine = [thing for thing in gc.get_objects() if isinstance(thing, FunctionType)]
    mine = [function for function in mine if function.__code__.co_filename == str(file)]
    missing = codes.keys() - {function.__code__.co_qualname for function in mine}
    if missing:
        raise LookupError(f"{file} has not loaded {missing}")
    changed = [function for function in mine if function.__code__.co_qualname in codes]
    for function in changed:
        function.__code__ = codes[function.__code__.co_qualname]
    return changed


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Trial(json.loads(os.environ[ORDERS])))
