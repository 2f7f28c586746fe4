"""``expand[]``: an id becomes the object, and what is left out by default is put in.

Ids are expanded by looking them up. What Stripe leaves out unless asked for (a session's
``line_items``) stands in the ``Register`` of the file of its kind.

https://docs.stripe.com/expand
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stripe_emulator import contract, versions
from stripe_emulator.core import store
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.types import Json
from stripe_emulator.core.version import API_VERSION
from stripe_emulator.core.wire import public

MAX_DEPTH = 4

#: How to make a field that is absent until it is asked for, by the object's kind and the field.
INCLUDABLE: dict[tuple[str, str], Callable[[Json], Any]] = {}
#: The fields that are computed each time an object of a kind goes out.
COMPUTED: dict[str, Callable[[Json], Json]] = {}


def render(value: Json, paths: list[str] | None = None, version: str = API_VERSION) -> Json:
    """An object or a list as it goes out at a version, with ``paths`` expanded.

    A path names fields of that version, since each object is translated before it is opened.

    :raises InvalidRequest: A path leads nowhere, or is nested deeper than four levels.
    """
    out = _out(value, version)
    for path in paths or []:
        if path == "total_count" and "_total_count" in value:
            out["total_count"] = value["_total_count"]
            continue
        steps = path.split(".")
        if len(steps) > MAX_DEPTH + (steps[0] == "data"):
            raise InvalidRequest(
                f"You cannot expand more than {MAX_DEPTH} levels of a property ({path[:80]}).", param="expand"
            )
        _expand(out, steps, path, version)
    return out


def _out(value: Json, version: str) -> Json:
    if value.get("object") in ("list", "search_result"):
        return {**public(value), "data": [_out(item, version) for item in value["data"]]}
    make = COMPUTED.get(value.get("object", ""))
    return versions.downgrade(public(value | make(value) if make else value), version)


def _expand(place: Json, steps: list[str], path: str, version: str) -> None:
    step, rest = steps[0], steps[1:]
    kind = place.get("object", "")
    if (kind, step) in INCLUDABLE and not isinstance(place.get(step), dict):
        origin = store.find(kind, place["id"]) or place
        made = INCLUDABLE[kind, step](origin)
        place[step] = versions.downgrade(made, version) if isinstance(made, dict) else made
    if step not in place and version == API_VERSION and contract.is_field(kind, step):
        return  # Stripe sends it only when there is cause
    if step not in place:
        raise InvalidRequest(f"This property cannot be expanded ({path[:80]}).", param="expand")
    value = place[step]
    if isinstance(value, list):
        place[step] = [_opened(item, rest, path, version) for item in value]
    elif value is not None:
        place[step] = _opened(value, rest, path, version)


def _opened(value: Any, rest: list[str], path: str, version: str) -> Any:
    """The object behind an id, or a copy of the hash that is there, with the rest of the path expanded."""
    if isinstance(value, str):
        target = store.find_any(value)
        if target is None:
            raise InvalidRequest(f"This property cannot be expanded ({path[:80]}).", param="expand")
        opened = _out(target, version)
    elif isinstance(value, dict):
        opened = _out(value, API_VERSION)  # a copy: it has been translated with what it lies in
    else:
        raise InvalidRequest(f"This property cannot be expanded ({path[:80]}).", param="expand")
    if rest:
        _expand(opened, rest, path, version)
    return opened
