"""What holds for every test here: each answer of the emulator has the shape of Stripe's."""

from __future__ import annotations

import importlib.util
import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stripe_emulator import Emulator, contract
from stripe_emulator.api.request import Api, Call, Reply
from stripe_emulator.contract.responses import responses
from stripe_emulator.core.time import due_work
from stripe_emulator.core.version import API_VERSION
from stripe_emulator.server.http import serve
from stripe_emulator.versions import CHANGES


def neighbour(name: str) -> Any:
    """A module of the folder ``specification``: this file belongs to no package that could import it."""
    path = Path(__file__).with_name("specification") / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"watched_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


specification, changed = neighbour("specification"), neighbour("changed")

#: What is wrong with an answer, in words; empty if it is as Stripe's.
Judge = Callable[[Call, Reply], list[str]]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without a key of one's own, what talks to Stripe itself is no part of the run."""
    if os.environ.get("STRIPE_TEST_KEY"):
        return
    abroad = [item for item in items if item.get_closest_marker("stripe")]
    if abroad:
        config.hook.pytest_deselected(items=abroad)
        items[:] = [item for item in items if item not in set(abroad)]


@pytest.fixture(autouse=True)
def every_answer_has_stripes_shape(monkeypatch: pytest.MonkeyPatch, judge: Judge) -> Iterator[None]:
    """Watch all that any emulator answers while the test runs, however it is asked."""
    departures: list[str] = []
    answer = Api.answer

    def watched(api: Api, call: Call) -> Reply:
        reply = answer(api, call)
        departures.extend(
            f"{call.verb} {call.path} {departure}"
            for departure in judge(call, reply)
            if not (_by_a_browser(call) and "is missing from" in departure)
        )
        return reply

    monkeypatch.setattr(Api, "answer", watched)
    yield
    assert departures == []


def _by_a_browser(call: Call) -> bool:
    """Whether a publishable key was sent, to which less is shown."""
    return any(
        "pk_test_" in part
        for part in (call.header("authorization"), call.query, call.body.decode("utf-8", "replace"))
    )


@pytest.fixture(autouse=True)
def whatever_falls_due_happens(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Due work that fails is kept, and time goes on; here it fails the test, unless that is its story."""
    failures: list[str] = []
    keep_failure = due_work.keep_failure

    def watched(due: due_work.Due, error: Exception) -> None:
        keep_failure(due, error)
        failures.append(f"{due.what}: {error!r}")

    monkeypatch.setattr(due_work, "keep_failure", watched)
    yield
    assert failures == [] or request.node.get_closest_marker("due_work_fails")


@pytest.fixture(scope="session")
def judge() -> Judge:
    return departures_from_stripe


def departures_from_stripe(call: Call, reply: Reply) -> list[str]:
    body: Any = json.loads(reply.body)
    if reply.status >= 300:
        error = body.get("error", {})
        return [] if error.get("type") and error.get("message") else ["answers no error of Stripe's"]
    if CHANGES[-1].version > (call.header("stripe-version") or API_VERSION):
        return []  # an older shape, which the SDK does not know; tests/topics/versions looks at those
    if contract.find(call.verb, call.path) is None:
        return []  # only Stripe's own programs call it: the SDK has no shape for the answer
    findings = responses.check_response(call.verb, call.path, body)
    for event in snapshot_events_in(body):
        carried = event["data"]["object"]
        findings += responses.check_object(carried["object"], carried)
    return [str(finding) for finding in findings] + misfits(call, body)


def misfits(call: Call, body: Any) -> list[str]:
    """Where an answer in today's shape does not fit Stripe's specification, but for what changed since."""
    if call.header("stripe-version") not in ("", API_VERSION):
        return []
    findings = specification.problems(call.verb, call.path, body)
    for event in snapshot_events_in(body):
        carried = event["data"]["object"]
        findings += specification.problems_of_object(carried["object"], carried)
    return [
        f"{place} {problem} (in Stripe's specification)"
        for place, problem in findings
        if not changed.allows(place)
    ]


def snapshot_events_in(body: dict[str, Any]) -> list[dict[str, Any]]:
    """An event carries an object, which the SDK declares as any map."""
    rows = body["data"] if body.get("object") == "list" else [body]
    return [row for row in rows if row.get("object") == "event" and isinstance(row.get("data"), dict)]


@pytest.fixture
def served(stripe_emulator: Emulator) -> Iterator[Emulator]:
    """The test's emulator, reached by HTTP under its ``store.base_url``."""
    server = serve(stripe_emulator, "127.0.0.1", 0)
    stripe_emulator.store.base_url = f"http://127.0.0.1:{server.port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield stripe_emulator
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
    return {
        **browser_type_launch_args,
        "executable_path": os.environ["CHROMIUM"],
        "args": [*quiet, "--disable-component-update", "--no-first-run"],
    }
