"""The README's code runs as it stands, from an empty folder."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from prepaid_ledger import LedgerVerbs

README = (Path(__file__).parents[2] / "README.md").read_text()


def test_the_code_of_the_readme_runs_from_top_to_bottom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}

    for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL):
        exec(block, names)
        printed = re.findall(r"print\(.*?\) +# (.*)", block)
        assert capsys.readouterr().out.splitlines() == printed

    ledger = names["ledger"]
    assert ledger.balance("org:7") == 97 - 3 - 7 - 10 - 2 - 10  # type: ignore[attr-defined]
    assert ledger.audit() == []  # type: ignore[attr-defined]
    names["engine"].dispose()  # type: ignore[attr-defined]


def test_every_verb_stands_in_a_table_of_the_readme() -> None:
    verbs = {name for name, _ in inspect.getmembers(LedgerVerbs, inspect.isfunction) if name[0] != "_"}
    assert [verb for verb in sorted(verbs) if not re.search(rf"`{verb}[(`]|ledger\.{verb}\(", README)] == []
