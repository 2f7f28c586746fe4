"""The examples run as they stand, each with the framework itself."""

from __future__ import annotations

import asyncio
import importlib
import logging
import pickle
import runpy
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from prepaid_ledger import InsufficientCredits

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs an example in an empty folder; its books are proved in the end."""
    monkeypatch.chdir(tmp_path)
    ran: list[dict[str, Any]] = []

    def run(name: str) -> dict[str, Any]:
        ran.append(runpy.run_path(str(EXAMPLES / name)))
        return ran[-1]

    yield run
    for names in ran:
        assert names["ledger"].audit() == []
        names["ledger"].setup.engine.dispose()


@pytest.fixture
def module(example: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Imports an example in an empty folder, for who looks a function up by its module."""
    monkeypatch.syspath_prepend(EXAMPLES)
    imported: list[Any] = []

    def load(name: str) -> Any:
        imported.append(importlib.import_module(name))
        return imported[-1]

    yield load
    for names in imported:
        assert names.ledger.audit() == []
        names.ledger.setup.engine.dispose()
        del sys.modules[names.__name__]


def test_a_script_takes_nothing_twice(example: Any, capsys: pytest.CaptureFixture[str]) -> None:
    first, again = example("script.py"), example("script.py")

    assert capsys.readouterr().out.splitlines() == [
        "job:1: 5 credits",
        "job:2: 23 credits are needed, 5 are available",
        "job:3: 3 credits",
        "2 credits are left",
        "job:1: 5 credits",
        "job:2: 23 credits are needed, 2 are available",
        "job:3: 3 credits",
        "2 credits are left",
    ]
    assert first["ledger"].balance("org:7") == again["ledger"].balance("org:7") == 2


def test_starlette(example: Any) -> None:
    names = example("starlette_app.py")
    with TestClient(names["app"]) as browser:
        answers = [browser.get(f"/report/{name}") for name in "abcd"]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 402]
    assert answers[-1].json()["error"] == "insufficient_credits"


def test_fastapi(example: Any) -> None:
    names = example("fastapi_app.py")
    with TestClient(names["app"], headers={"Authorization": "Bearer secret-of-7"}) as browser:
        assert browser.get("/report", headers={"Authorization": "no"}).status_code == 401
        assert browser.get("/report").json() == {"pages": 12}
        assert browser.get("/words", params={"count": 6}).text.split()[-1] == "5"
        assert names["ledger"].available("org:7") == 10 - 3 - 3
        assert browser.get("/report").status_code == 200
        short = browser.get("/report")

    assert short.status_code == 402
    assert short.json() == {
        "status": "FAILURE",
        "error": {
            "code": "insufficient_credits",
            "message": "3 credits are needed, 1 is available",
            "balance": 1,
            "needed": 3,
        },
    }


def test_celery(module: Any) -> None:
    """By a worker of Celery's own, on its broker in memory."""
    from celery.contrib.testing.worker import start_worker  # type: ignore[import-untyped]

    names = module("celery_tasks")
    names.app.conf.worker_hijack_root_logger = False
    with start_worker(names.app, pool="solo", perform_ping_check=False, loglevel=logging.getLogger().level):
        tasks = [names.report.delay("org:7", 4) for _ in range(3)]
        assert tasks[0].get(timeout=30) == tasks[1].get(timeout=30) == "page 0 page 1 page 2 page 3"
        with pytest.raises(Exception, match=r"InsufficientCredits.*4 credits are needed, 2 are available"):
            tasks[2].get(timeout=30)  # a result in JSON brings the error's words
        again = names.report.apply_async(("org:7", 4), task_id=tasks[0].id)
        assert again.get(timeout=30) == "page 0 page 1 page 2 page 3"

    assert names.ledger.balance("org:7") == 2


def test_rq(module: Any) -> None:
    """By a worker of RQ's own, on a stand-in for Redis."""
    from fakeredis import FakeStrictRedis
    from rq import Queue, SimpleWorker

    names = module("rq_jobs")
    redis = FakeStrictRedis()
    queue = Queue(connection=redis)
    jobs = [names.ask_for(queue, "org:7", 4) for _ in range(3)]
    SimpleWorker([queue], connection=redis).work(burst=True)
    queue.enqueue_job(jobs[0])
    SimpleWorker([queue], connection=redis).work(burst=True)

    assert {job.func_name for job in jobs} == {"rq_jobs.report"}, "also where rq_jobs is __main__"
    assert [job.get_status() for job in jobs[:2]] == ["finished", "finished"]
    assert not jobs[2].is_finished
    assert names.ledger.balance("org:7") == 2


def test_django(module: Any) -> None:
    module("django_app")
    django = importlib.import_module("django")
    django.setup()
    browser = importlib.import_module("django.test").Client

    with_key = browser(headers={"Authorization": "Bearer secret-of-7"})
    answers = [with_key.get("/report") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 402]
    assert answers[1].json() == {"error": "insufficient_credits", "balance": 2, "needed": 3}
    assert browser().get("/report").status_code == 401


def test_an_mcp_server(module: Any) -> None:
    from mcp import Client

    names = module("mcp_server")

    async def talk() -> list[Any]:
        async with Client(names.server) as model:
            return [await model.call_tool("summary", {"text": "word " * count}) for count in (9, 30)]

    with ThreadPoolExecutor(1) as thread:
        short, long = thread.submit(asyncio.run, talk()).result()

    assert short.content[0].text == "word word word"
    assert long.is_error
    assert "15 credits are needed, 5 are available. Buy more" in long.content[0].text


def test_a_refusal_is_handed_on_from_process_to_process() -> None:
    refusal = InsufficientCredits("org:7", needed=3, available=1)
    copy = pickle.loads(pickle.dumps(refusal))  # noqa: S301 - our own

    assert (type(copy), str(copy), copy.details) == (InsufficientCredits, str(refusal), refusal.details)
