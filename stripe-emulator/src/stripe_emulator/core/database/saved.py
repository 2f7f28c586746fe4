"""States of an account that are kept by a name, to go back to and to compare with.

Beside a data file they are files of their own, ``shop.sqlite3.saved/NAME``; in memory they end with
the store. Who listens to events is no part of a state: it stays as it is.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

from stripe_emulator.core.database.schema import SCHEMA
from stripe_emulator.core.database.storage import Store
from stripe_emulator.core.errors import InvalidRequest, NotFound
from stripe_emulator.core.types import Json

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def save(storage: Store, name: str) -> None:
    """Keep the state as it is now; an earlier one of this name is replaced.

    :raises InvalidRequest: That is no name for a state.
    """
    _check(name)
    with storage.connection() as connection:
        state = _by_itself(connection.serialize())
    if storage.path is None:
        storage.saved[name] = state
    else:
        folder = storage.path.with_name(f"{storage.path.name}.saved")
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes(state)


def load(storage: Store, name: str, *, keep_settings: tuple[str, ...] = ()) -> None:
    """Go back to a state; what came after it is forgotten.

    :param keep_settings: Names of settings that stay as they are.
    :raises NotFound: No state was saved under this name.
    """
    with _opened(storage, name) as state, storage.connection() as connection:
        kept = [
            row for row in connection.execute("SELECT name, value FROM setting") if row[0] in keep_settings
        ]
        for setting in keep_settings:
            state.execute("DELETE FROM setting WHERE name = ?", (setting,))
        state.executemany("INSERT INTO setting VALUES (?, ?)", kept)
        state.commit()
        state.backup(connection)
        storage.unlogged.clear()
        connection.executescript(SCHEMA)  # it may have been saved before a table was there


def forget(storage: Store, name: str) -> None:
    """Throw a state away.

    :raises NotFound: No state was saved under this name.
    """
    with _opened(storage, name):
        pass
    if storage.path is None:
        del storage.saved[name]
    else:
        (storage.path.with_name(f"{storage.path.name}.saved") / name).unlink()


def names(storage: Store) -> list[str]:
    """The names of the states that are kept."""
    if storage.path is None:
        return sorted(storage.saved)
    folder = storage.path.with_name(f"{storage.path.name}.saved")
    return sorted(file.name for file in folder.iterdir()) if folder.is_dir() else []


def difference(storage: Store, name: str) -> Json:
    """What is other than in a saved state: objects made, changed and gone, and types of events since.

    :raises NotFound: No state was saved under this name.
    """
    with _opened(storage, name) as state:
        before = dict(_rows(state))
    with storage.connection() as connection:
        now = dict(_rows(connection))
    made = [key for key in now if key not in before]
    return {
        "created": [_named(*key) for key in made if key[0] != "event"],
        "changed": [
            _named(*key) | _fields(before[key], now[key])
            for key in now
            if key in before and before[key] != now[key]
        ],
        "deleted": [_named(*key) for key in before if key not in now],
        "events": [json.loads(now[key])["type"] for key in made if key[0] == "event"],
    }


@contextmanager
def _opened(storage: Store, name: str) -> Iterator[sqlite3.Connection]:
    _check(name)
    if storage.path is None:
        state = storage.saved.get(name)
    else:
        file = storage.path.with_name(f"{storage.path.name}.saved") / name
        state = file.read_bytes() if file.is_file() else None
    if state is None:
        raise NotFound(
            f"No state was saved as '{name}'; there are: {', '.join(names(storage)) or 'none'}.",
            code="resource_missing",
            param="name",
        )
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(state)
        yield connection


def _by_itself(state: bytes) -> bytes:
    """A database whose header says that it has no log beside it. https://sqlite.org/fileformat.html"""
    return state[:18] + b"\x01\x01" + state[20:]


def _check(name: str) -> None:
    if not NAME.fullmatch(name):
        raise InvalidRequest(
            "A state is named by up to 64 letters, digits, dots, dashes and underscores.", param="name"
        )


def _rows(connection: sqlite3.Connection) -> Iterator[tuple[tuple[str, str], str]]:
    for kind, object_id, body in connection.execute("SELECT kind, id, body FROM object ORDER BY seq"):
        yield (kind, object_id), body


def _named(kind: str, object_id: str) -> Json:
    return {"object": kind, "id": object_id}


def _fields(before: str, now: str) -> Json:
    """The fields that differ, as they were and as they are; the emulator's own stay hidden."""
    old, new = json.loads(before), json.loads(now)
    differ = sorted(key for key in old.keys() | new.keys() if key[0] != "_" and old.get(key) != new.get(key))
    return {
        "before": {key: old.get(key) for key in differ},
        "after": {key: new.get(key) for key in differ},
    }
