"""What the audit log can keep is kept."""

from __future__ import annotations

from pathlib import Path

import rando_number
from rando_number.models import Action


def test_each_action_that_operators_can_look_for_is_noted_somewhere() -> None:
    code = "\n".join(file.read_text() for file in Path(rando_number.__file__).parent.rglob("*.py"))

    assert [action for action in Action if f"Action.{action.name}" not in code] == []
