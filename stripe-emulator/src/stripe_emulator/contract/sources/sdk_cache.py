"""What was read from the SDK once is kept in the user's cache folder, and read without the SDK from then on.

Importing the SDK takes longer than all else at the start. A kept fact is JSON in a file of its own,
made when it is first asked for. Another SDK, and another state of this package, has another folder.
``XDG_CACHE_HOME`` says where caches lie, else ``~/.cache``. Where nothing can be written, nothing is kept.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from stripe_emulator.core import sdk

_NO_LETTER = re.compile(r"[^A-Za-z0-9.]+")


def kept(name: str, make: Callable[[], Any]) -> Any:
    """What ``make`` returned when it was first asked, here or in an earlier process.

    :param name: Of the fact, such as ``POST /v1/customers``. Letters other than A to z do not count.
    :param make: Reads the fact from the SDK, as what JSON can hold.
    """
    file = folder() / f"{_NO_LETTER.sub('-', name)}.json"
    try:
        return json.loads(file.read_bytes())
    except (OSError, ValueError):  # it is not there, or was not written to its end
        made = make()
    with suppress(OSError):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partly = file.with_suffix(f".{os.getpid()}")
        partly.write_text(json.dumps(made, separators=(",", ":")), encoding="utf-8")
        partly.replace(file)
    return made


@cache
def folder() -> Path:
    """Where the facts of this SDK lie, as this package reads them."""
    state = hashlib.sha256(str(sdk.FOLDER).encode())
    for file in sorted(Path(__file__).parents[1].rglob("*")):
        if file.suffix in (".py", ".json"):
            status = file.stat()
            state.update(f"{file} {status.st_size} {status.st_mtime_ns}".encode())
    return _caches() / "stripe-emulator" / f"stripe-{sdk.VERSION}-{state.hexdigest()[:12]}"


def _caches() -> Path:
    named = os.environ.get("XDG_CACHE_HOME", "")
    with suppress(RuntimeError):  # this user has no home
        return Path(named) if named else Path.home() / ".cache"
    return Path(os.devnull)
