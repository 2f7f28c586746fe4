"""The folder in which a shop keeps all that it has, for one user and one ``./dev run``."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from ..install import ROOT, stop


@contextmanager
def ours_alone(data: Path) -> Iterator[None]:
    """The data folder, for this user and this ``./dev run`` alone. Stops if it can't be."""
    shared = (ROOT, Path("~").expanduser(), Path(tempfile.gettempdir()))
    if any(folder.resolve().is_relative_to(data) for folder in shared):
        stop(
            f"{data} holds more than a shop, and would be closed to others. Choose a new folder with --data."
        )
    os.umask(0o077)
    try:
        data.mkdir(parents=True, exist_ok=True)
        data.chmod(0o700)
        lock = (data / "lock").open("a")
    except OSError as error:
        stop(f"{data} can't be written ({error.strerror}). Choose another folder with --data.")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            stop(f"another ./dev run is at work in {data}. Stop it, or choose another folder with --data.")
        for file in (*data.glob("*.sqlite3*"), *data.glob("mails/*")):  # an earlier version left them to all
            file.chmod(0o600)
        for file in data.glob("*.sqlite3"):
            if not file.stat().st_size:
                stop(f"{file} is empty, and so no database. Put a backup back, or remove it to begin anew.")
        yield


def whole(file: Path) -> None:
    """Have SQLite write what its -wal holds into the file itself, so that the file is all of it."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
