"""A blank of each object, and the hashes within it: what an object is made of before it has values.

An outline is what ``responses`` knows of an object that making one needs. It is kept.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache, cached_property

from stripe_emulator.contract.sources.sdk_cache import kept
from stripe_emulator.core.types import Json, copied


@dataclass(frozen=True)
class Outline:
    """A blank, and the outlines of the hashes that its fields may be."""

    values: Json
    #: Fields whose blank is a list or a hash.
    held: tuple[str, ...]
    fields: dict[str, Outline | None]
    too_new: frozenset[str]

    @classmethod
    def from_json(cls, kept: Json) -> Outline:
        """An outline as ``responses`` writes it."""
        values: Json = json.loads(kept["blank"])
        held = tuple(name for name, value in values.items() if isinstance(value, dict | list))
        fields = {name: each and cls.from_json(each) for name, each in kept["fields"].items()}
        return cls(values, held, fields, frozenset(kept["too_new"]))

    def blank(self) -> Json:
        """A blank of one's own."""
        made = dict(self.values)
        for name in self.held:
            made[name] = copied(made[name])
        return made

    def complete(self, fields: Json) -> Json:
        """``fields``, each hash among them with every key."""
        made = dict(fields)
        for name in self.hashes.keys() & made.keys():
            value = made[name]
            if isinstance(value, dict):
                outline = self.hashes[name]
                made[name] = outline.blank() | outline.complete(value)
        for name in self.too_new & made.keys() if self.too_new else ():
            del made[name]
        return made

    @cached_property
    def hashes(self) -> dict[str, Outline]:
        """The fields that are hashes. Objects, whose own resource makes them, have no outline here."""
        return {name: outline for name, outline in self.fields.items() if outline is not None}


def blank(object_name: str) -> Json:
    """A new object with every key that Stripe always sends.

    Lists and maps are empty, ``object`` says its name, and what is never null
    and has no such default is None: until a resource sets it, the shape check
    names it.

    :raises KeyError: Stripe has no object of that name.
    """
    return _outline(object_name).blank()


def is_field(object_name: str, name: str) -> bool:
    """Whether such an object may have this field, though it be absent now."""
    try:
        return name in _outline(object_name).fields
    except KeyError:
        return False


def hashes(object_name: str) -> frozenset[str]:
    """The fields of such an object that may be hashes of their own."""
    return frozenset(_outline(object_name).hashes)


def complete(object_name: str, fields: Json) -> Json:
    """``fields`` of such an object, each hash among them with every key that Stripe always sends.

    Whoever sends ``address[city]`` alone gets the other lines of the address as null. What the SDK does
    not know yet is left out.
    """
    return _outline(object_name).complete(fields)


@cache
def _outline(object_name: str) -> Outline:
    def draw() -> Json | None:
        from stripe_emulator.contract.responses import responses  # imports the SDK

        return responses.outline(object_name)

    known: Json | None = kept(f"object {object_name}", draw)
    if known is None:
        raise KeyError(object_name)
    return Outline.from_json(known)
