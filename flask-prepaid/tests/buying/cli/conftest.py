from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask.cli import FlaskGroup


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Result]]:
    """Types a ``flask`` command in the folder of an ``app.py``: in this process, which has all imported."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.delitem(sys.modules, "app", raising=False)

    def type_it(line: str, **environment: str) -> Result:
        sys.modules.pop("app", None)
        program, *words = line.split()
        assert program == "flask"
        return CliRunner().invoke(FlaskGroup(), words, env=environment)

    yield type_it
    sys.modules.pop("app", None)
