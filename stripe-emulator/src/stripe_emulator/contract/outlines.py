"""A blank of each object, and the hashes within it: what an object is made of before it has values.

An outline is what ``responses`` knows of an object that making one needs. It is kept.
"""

from __future__ import annotations

import json
from functools import cache

from stripe_emulator.contract.kept import kept
from stripe_emulator.core.types import Json


def blank(object_name: str) -> Json:
    """A new object with every key that Stripe always sends.

    Lists and maps are empty, ``object`` says its name, and what is never null
    and has no such default is None: until a resource sets it, the shape check
    names it.

    :raises KeyError: Stripe has no object of that name.
    """
    made: Json = json.loads(_outline(object_name)["blank"])
    return made


def is_field(object_name: str, name: str) -> bool:
    """Whether such an object may have this field, though it be absent now."""
    try:
        return name in _outline(object_name)["fields"]
    except KeyError:
        return False


def complete(object_name: str, fields: Json) -> Json:
    """``fields`` of such an object, each hash among them with every key that Stripe always sends.

    Whoever sends ``address[city]`` alone gets the other lines of the address as null. What the SDK does
    not know yet is left out.
    """
    return _complete(_outline(object_name), fields)


def _complete(outline: Json, fields: Json) -> Json:
    hashes, too_new = outline["fields"], outline["too_new"]
    return {
        name: _whole(hashes.get(name), value) if isinstance(value, dict) else value
        for name, value in fields.items()
        if name not in too_new
    }


def _whole(outline: Json | None, value: Json) -> Json:
    """A hash with all its keys. Objects, whose own resource makes them, have no outline here."""
    return value if outline is None else json.loads(outline["blank"]) | _complete(outline, value)


@cache
def _outline(object_name: str) -> Json:
    def draw() -> Json | None:
        from stripe_emulator.contract import responses  # imports the SDK

        return responses.outline(object_name)

    known: Json | None = kept(f"object {object_name}", draw)
    if known is None:
        raise KeyError(object_name)
    return known
