"""``expand[]``: an id becomes the object, and what is left out by default is put in.

Ids are expanded by looking them up. What Stripe leaves out unless asked for (a session's
``line_items``) stands in the ``Register`` of the file of its kind.

https://docs.stripe.com/expand
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stripe_emulator import contract, versions
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.types import Json
from stripe_emulator.core.version import API_VERSION
from stripe_emulator.core.wire import public

MAX_DEPTH = 4

#: Made of a field that stays absent though it was asked for, where null would be another answer.
LEFT_OUT: Any = object()
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


def _expand(place: Json, steps: list[str], path: str, version: str, of_hash: str = "") -> None:
    """Open the first step, and within it the others.

    :param of_hash: The specification's name of a hash, which does not say itself what it is.
    """
    step, rest = steps[0], steps[1:]
    kind = place.get("object", "")
    is_object = isinstance(kind, str) and kind != ""
    known = _known(kind) if is_object else contract.expandable(of_hash) or {}
    if known is not None and is_object and (kind, step) in INCLUDABLE:
        known = known | {step: known.get(step, "")}  # Stripe opens some that its specification leaves out
    if known is not None and step not in known and (version == API_VERSION or step not in place):
        raise _cannot(path)
    if is_object:
        _include(place, steps, version)
    value, inner = place.get(step), (known or {}).get(step, "")
    if isinstance(value, list):
        place[step] = [_opened(item, rest, path, version, inner) for item in value]
    elif value is not None:
        place[step] = _opened(value, rest, path, version, inner)
    elif _leads_nowhere(inner, rest) or (known is None and step not in place):
        raise _cannot(path)


def _leads_nowhere(hash_name: str, steps: list[str]) -> bool:
    """Whether a path can't go on within a hash that is not there now."""
    return bool(hash_name and steps) and steps[0] not in (contract.expandable(hash_name) or {})


def _known(kind: str) -> dict[str, str] | None:
    """What expands of an object or of a list; None where the specification does not know the object."""
    return {"data": ""} if kind in ("list", "search_result") else contract.expandable(kind)


def _include(place: Json, steps: list[str], version: str) -> None:
    """Put in what is absent until it is asked for: a field of the object, or of a hash in it."""
    kind = place["object"]
    depth = next(
        (depth for depth in (1, 2, 3) if (kind, ".".join(steps[:depth])) in INCLUDABLE), len(steps) + 1
    )
    *above, field = steps[:depth]
    if depth > len(steps):
        return
    within = place
    for step in above:
        if not isinstance(within.get(step), dict):
            return
        within[step] = dict(within[step])  # a copy: what it lies in is the object's own
        within = within[step]
    if isinstance(within.get(field), dict):
        return
    made = INCLUDABLE[kind, ".".join(steps[:depth])](store.find(kind, place["id"]) or place)
    if made is not LEFT_OUT:
        within[field] = versions.downgrade(made, version) if isinstance(made, dict) else made


def _cannot(path: str) -> InvalidRequest:
    return InvalidRequest(f"This property cannot be expanded ({path[:80]}).", param="expand")


def _opened(value: Any, rest: list[str], path: str, version: str, of_hash: str) -> Any:
    """The object behind an id, or a copy of the hash that is there, with the rest of the path expanded."""
    if isinstance(value, str):
        target = store.find_any(value)
        if target is None:
            raise _cannot(path)
        opened = _out(target, version)
    elif isinstance(value, dict):
        # A copy: it has been translated with what it lies in. An event's data has an object, and is none.
        opened = _out(value, API_VERSION) if isinstance(value.get("object"), str) else public(value)
    else:
        raise _cannot(path)
    if rest:
        _expand(opened, rest, path, version, of_hash)
    return opened
