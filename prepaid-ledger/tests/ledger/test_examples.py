"""The examples run as they stand, each with the framework itself."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

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
