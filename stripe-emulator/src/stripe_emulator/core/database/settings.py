"""Small values that are kept beside the objects, such as where the clock stands."""

from __future__ import annotations

import json
from typing import Any

from stripe_emulator.core.database.transactions import current, remember


def get_setting(name: str, default: Any = None) -> Any:
    """What ``put_setting`` kept under this name."""
    text = remember("settings", _settings).get(name)
    return default if text is None else json.loads(text)


def _settings() -> dict[str, str]:
    return dict(current().execute("SELECT name, value FROM setting").fetchall())


def put_setting(name: str, value: Any) -> None:
    """Keep a small JSON value; processes that share the file share it."""
    text = json.dumps(value)
    remembered = current().store.remembered
    if "settings" in remembered:
        remembered["settings"] = {**remembered["settings"], name: text}
    current().execute(
        "INSERT INTO setting VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, text),
    )
