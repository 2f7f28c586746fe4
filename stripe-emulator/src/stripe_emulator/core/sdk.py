"""The installed ``stripe`` package, looked at without importing it, which takes longer than all else here."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path


def _folder() -> Path:
    spec = find_spec("stripe")
    assert spec is not None, "the package stripe is not installed"
    assert spec.origin is not None, "the package stripe has no folder"
    return Path(spec.origin).parent


def _constant(file: str, name: str) -> str:
    match = re.search(rf'\b{name} = "([^"]+)"', (FOLDER / file).read_text(encoding="utf-8"))
    assert match is not None, f"{FOLDER / file} does not say {name}"
    return match[1]


#: Where its files lie.
FOLDER = _folder()
#: Its own version, such as ``16.1.0``.
VERSION = _constant("_version.py", "VERSION")
#: The version of Stripe's API that it pins.
API_VERSION = _constant("_api_version.py", "CURRENT")
