"""All changes in a row: requests go up to today's version, answers come down to their caller's."""

from __future__ import annotations

from functools import cache
from typing import Any

from stripe_emulator.core.database import store
from stripe_emulator.core.types import Json, copied
from stripe_emulator.core.version import API_VERSION
from stripe_emulator.core.wire import public
from stripe_emulator.versions import (
    v2023_08_16,
    v2024_04_10,
    v2025_03_31,
    v2025_07_30,
    v2025_09_30,
    v2026_03_25,
    v2026_09_30,
)
from stripe_emulator.versions.change import Find, VersionChange
from stripe_emulator.versions.form_part import Part

#: Oldest first. The versions between them changed nothing that is emulated, and what came after the
#: version of the installed SDK is not spoken.
CHANGES: tuple[VersionChange, ...] = tuple(
    change
    for change in (
        v2023_08_16.change,
        v2024_04_10.change,
        v2025_03_31.change,
        v2025_07_30.change,
        v2025_09_30.change,
        v2026_03_25.change,
        v2026_09_30.change,
    )
    if change.version <= API_VERSION
)


@cache
def since(version: str) -> tuple[VersionChange, ...]:
    """What later versions changed, oldest first."""
    return tuple(change for change in CHANGES if change.version > version)


def upgrade(route: str, form: Json, version: str | None) -> dict[str, str]:
    """Say an older form as today's callers would, in place.

    :param route: Such as ``POST /v1/subscriptions``.
    :param version: None where the caller named none, and may mean any.
    :return: Today's name of each parameter that was moved -> the caller's.
    """
    part = Part(form)
    for change in CHANGES if version is None else since(version):
        if route in change.requests:
            change.requests[route](part)
        if version is not None and route in change.defaults:
            change.defaults[route](part)
    return part.called


def downgrade(value: Json, version: str) -> Json:
    """An object, or a list of them, as callers of a version are shown it; what was given stays as it is."""
    changes = since(version)
    if not changes:
        return value
    shown: Json = copied(value)
    for change in reversed(changes):
        _apply(change, _finder(change), shown)
    return shown


def _apply(change: VersionChange, find: Find, value: Any) -> None:
    """Translate an object, then what lies within it. What an event carries keeps the shape that it has."""
    if isinstance(value, list):
        for item in value:
            _apply(change, find, item)
    elif isinstance(value, dict):
        kind = value.get("object")
        if kind == "event":
            return
        if isinstance(kind, str) and kind in change.answers and not _is_stub(value):
            change.answers[kind](value, find)
        for name, item in value.items():
            if name != "metadata":
                _apply(change, find, item)


def _is_stub(value: Json) -> bool:
    """Whether nothing is left of a deleted object but its name."""
    return bool(value.get("deleted")) and value.keys() <= {"id", "object", "deleted"}


def _finder(change: VersionChange) -> Find:
    def find(kind: str, object_id: str) -> Json | None:
        value = store.find(kind, object_id)
        return None if value is None else downgrade(public(value), change.version)

    return find
