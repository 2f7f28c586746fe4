"""Whether an object has the shape that Stripe answers with.

The classes of the SDK annotate each field. ``Optional`` there means one of two
things, "may be null" or "is sent only when there is cause", and nothing in the
package tells which. ``absent.json`` does: it names, for each class, the fields
that Stripe's own sample objects leave out. ``absent.py`` derives it from them.
"""

from __future__ import annotations

import importlib
import json
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, cached_property
from importlib import resources
from types import NoneType
from typing import Any, Protocol

from stripe import ListObject, SearchResultObject, StripeObject
from stripe._object_classes import OBJECT_CLASSES, V2_OBJECT_CLASSES
from stripe._stripe_object import UntypedStripeObject
from stripe.v2 import ListObject as ListObjectV2

from stripe_emulator.contract.responses.thin import thin_types
from stripe_emulator.contract.responses.thin_classes import class_of
from stripe_emulator.contract.responses.undocumented import ALWAYS_SENT, SELDOM_SENT, STILL_SENT
from stripe_emulator.contract.sources.annotations import alternatives, literals
from stripe_emulator.contract.sources.newer_than_sdk import LATER_FIELDS
from stripe_emulator.contract.sources.routes import find


@dataclass(frozen=True)
class Finding:
    """Where a body departs from Stripe's shape, and how."""

    path: str
    problem: str

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}"


def check_response(verb: str, path: str, body: Any) -> list[Finding]:
    """What is wrong with ``body`` as the 2xx answer to ``verb`` on ``path``."""
    route = find(verb, path)
    if route is None:
        return [Finding(f"{verb} {path}", "Stripe has no such route")]
    return list(value_of(route.answer, route.module).check(body, "$"))


def check_object(object_name: str, body: Any) -> list[Finding]:
    """What is wrong with ``body`` as a Stripe object of that name, such as ``checkout.session``."""
    return list(object_named(object_name).check(body, "$"))


def outline(object_name: str) -> dict[str, Any] | None:
    """What ``outlines`` keeps of an object; None if Stripe has no object of that name."""
    known = object_name in OBJECT_CLASSES or object_name in V2_OBJECT_CLASSES
    return object_named(object_name).outline() if known else None


class Shape(Protocol):
    def check(self, value: Any, path: str) -> Iterator[Finding]: ...

    def blank(self) -> Any: ...


@dataclass(frozen=True)
class Value:
    """A field's value: null if it may be, or one of several shapes."""

    shapes: tuple[Shape, ...]
    nullable: bool

    def check(self, value: Any, path: str) -> Iterator[Finding]:
        if value is None:
            if not self.nullable and self.shapes:
                yield Finding(path, "is null")
            return
        attempts = (list(shape.check(value, path)) for shape in self.candidates(value))
        yield from min(attempts, key=len, default=[])

    def blank(self) -> Any:
        return None if self.nullable or len(self.shapes) != 1 else self.shapes[0].blank()

    def outline(self) -> dict[str, Any] | None:
        """That of the hash which the value is, if it is one. What says its own name is another object."""
        if len(self.shapes) != 1:
            return None
        (shape,) = self.shapes
        return shape.outline() if isinstance(shape, Object) and shape.name is None else None

    def candidates(self, value: Any) -> tuple[Shape, ...]:
        """An object that says its name is judged by that name alone; a thin event by its type."""
        name = value.get("object") if isinstance(value, dict) else None
        if name == "v2.core.event" and value.get("type") in thin_types():
            return (object_of(class_of(value["type"])),)
        named = tuple(shape for shape in self.shapes if isinstance(shape, Object) and shape.name == name)
        return named if name and named else self.shapes


@dataclass(frozen=True)
class Scalar:
    type: Any

    def check(self, value: Any, path: str) -> Iterator[Finding]:
        allowed = _SCALARS[self.type]
        if not isinstance(value, allowed) or (isinstance(value, bool) and self.type is not bool):
            yield Finding(path, f"{value!r} where {self.type.__name__} is expected")

    def blank(self) -> None:
        return None


@dataclass(frozen=True)
class Words:
    """One of a list of words. ``Literal["a", "b"] | str`` counts as closed."""

    words: tuple[Any, ...]

    def check(self, value: Any, path: str) -> Iterator[Finding]:
        if value not in self.words:
            yield Finding(path, f"{value!r} is not one of {', '.join(map(repr, self.words))}")

    def blank(self) -> Any:
        return self.words[0] if len(self.words) == 1 else None


@dataclass(frozen=True)
class Rows:
    item: Value

    def check(self, value: Any, path: str) -> Iterator[Finding]:
        if not isinstance(value, list):
            yield Finding(path, f"{value!r} where a list is expected")
            return
        for index, row in enumerate(value):
            yield from self.item.check(row, f"{path}[{index}]")

    def blank(self) -> list[Any]:
        return []


@dataclass(frozen=True)
class Map:
    """Keys of one's own, such as metadata."""

    item: Value

    def check(self, value: Any, path: str) -> Iterator[Finding]:
        if not isinstance(value, dict):
            yield Finding(path, f"{value!r} where a map is expected")
            return
        for key, each in value.items():
            yield from self.item.check(each, f"{path}.{key}")

    def blank(self) -> dict[str, Any]:
        return {}


@dataclass(frozen=True)
class ListPage:
    """A list object: one page of rows and how to get the next."""

    kind: Any
    item: Value

    def check(self, value: Any, path: str) -> Iterator[Finding]:
        if not isinstance(value, dict):
            yield Finding(path, f"{value!r} where a page of a list is expected")
            return
        sent, extra = _PAGES[self.kind]
        for key in value.keys() - sent.keys() - extra:
            yield Finding(f"{path}.{key}", "is no field of a list")
        for key, field in sent.items():
            if key in value:
                yield from field.check(value[key], f"{path}.{key}")
            else:
                yield Finding(f"{path}.{key}", "is missing from a list")
        yield from Rows(self.item).check(value.get("data"), f"{path}.data")

    def blank(self) -> dict[str, Any]:
        return {key: field.blank() for key, field in _PAGES[self.kind][0].items()} | {"data": []}


class Object:
    """A class of the SDK: an API resource or a hash within one."""

    def __init__(self, sdk_class: Any) -> None:
        self.sdk_class = sdk_class
        self.name: str | None = getattr(sdk_class, "OBJECT_NAME", None)

    @property
    def key(self) -> str:
        """The class's name in ``absent.json``."""
        module = self.sdk_class.__module__.removeprefix("stripe.")
        return f"{module}:{self.sdk_class.__qualname__}"

    @cached_property
    def fields(self) -> dict[str, Value]:
        spelled = {ours: theirs for theirs, ours in self.sdk_class._field_remappings.items()}
        return {
            spelled.get(name, name): value_of(annotation, ancestor.__module__)
            for ancestor in reversed(self.sdk_class.__mro__)
            if issubclass(ancestor, StripeObject) and ancestor is not StripeObject
            for name, annotation in vars(ancestor).get("__annotations__", {}).items()
            if not name.startswith("_") and typing.get_origin(annotation) is not typing.ClassVar
        }

    @cached_property
    def sent(self) -> frozenset[str]:
        """The fields that are there, if only as null. Where no sample was seen: what is never null."""
        absent = _absent().get(self.key)
        if absent is None:
            always = ALWAYS_SENT.get(self.key, set())
            return frozenset(
                name for name, field in self.fields.items() if not field.nullable or name in always
            )
        return frozenset(self.fields.keys() - absent - SELDOM_SENT.get(self.key, set()))

    def outline(self) -> dict[str, Any]:
        """Its fields, each with the outline of a hash in it; its blank; what is too new for the SDK."""
        too_new = LATER_FIELDS.get(self.key, set()) - self.fields.keys()
        return {
            "fields": {name: field.outline() for name, field in self.fields.items()},
            "blank": json.dumps(self.blank()),
            "too_new": sorted(too_new),
        }

    def check(self, value: Any, path: str) -> Iterator[Finding]:
        if not isinstance(value, dict):
            yield Finding(path, f"{value!r} where {self.sdk_class.__qualname__} is expected")
            return
        if not self.fields:
            return
        for key, each in value.items():
            if key in self.fields:
                yield from self.fields[key].check(each, f"{path}.{key}")
            elif key not in STILL_SENT.get(self.name or "", ()):
                yield Finding(f"{path}.{key}", f"is no field of {self.sdk_class.__qualname__}")
        deleted = value.get("deleted") is True and "deleted" in self.fields
        expected = {"id", "object"} & self.sent if deleted else self.sent
        for key in sorted(expected - value.keys()):
            yield Finding(f"{path}.{key}", f"is missing from {self.sdk_class.__qualname__}")

    def blank(self) -> dict[str, Any]:
        return {name: field.blank() for name, field in self.fields.items() if name in self.sent}


def value_of(annotation: Any, module: str) -> Value:
    """Compile one annotation of the SDK."""
    members = alternatives(annotation, module)
    words = tuple(word for member in members for word in literals(member) or ())
    shapes: list[Shape] = [Words(words)] if words else []
    for member in members:
        origin, arguments = typing.get_origin(member), typing.get_args(member)
        if member is Any or isinstance(member, typing.TypeVar):
            return Value((), nullable=True)
        if member in (None, NoneType) or literals(member) is not None or (member is str and words):
            continue
        if member in _SCALARS:
            shapes.append(Scalar(member))
        elif origin is list:
            shapes.append(Rows(value_of(arguments[0], module)))
        elif origin in (dict, UntypedStripeObject):
            shapes.append(Map(value_of(arguments[-1], module)))
        elif origin in _PAGES:
            shapes.append(ListPage(origin, value_of(arguments[0], module)))
        elif _is_sdk_class(member):
            shapes.append(object_of(member))
        else:
            raise TypeError(f"{module} annotates a field with {member!r}")
    return Value(tuple(shapes), nullable=None in members or NoneType in members)


def _is_sdk_class(resolved: Any) -> bool:
    return isinstance(resolved, type) and issubclass(resolved, StripeObject)


@cache
def object_of(sdk_class: Any) -> Object:
    return Object(sdk_class)


@cache
def object_named(object_name: str) -> Object:
    """:raises KeyError: Stripe has no object of that name."""
    module, class_name = (OBJECT_CLASSES | V2_OBJECT_CLASSES)[object_name]
    return object_of(getattr(importlib.import_module(module), class_name))


@cache
def _absent() -> dict[str, list[str]]:
    table: dict[str, list[str]] = json.loads(resources.files(__package__).joinpath("absent.json").read_text())
    return table


_SCALARS: dict[Any, tuple[type, ...]] = {
    bool: (bool,),
    int: (int,),
    float: (int, float),
    Decimal: (str,),
    str: (str,),
}

_TEXT_OR_NULL = Value((Scalar(str),), nullable=True)
_PAGE_OF_V1 = {
    "object": Value((Words(("list",)),), nullable=False),
    "data": Value((), nullable=True),
    "has_more": Value((Scalar(bool),), nullable=False),
    "url": Value((Scalar(str),), nullable=False),
}

#: For each kind of list: the keys that are always sent, and those sent on request.
_PAGES: dict[Any, tuple[dict[str, Value], set[str]]] = {
    ListObject: (_PAGE_OF_V1, {"total_count"}),
    SearchResultObject: (
        _PAGE_OF_V1
        | {"object": Value((Words(("search_result",)),), nullable=False), "next_page": _TEXT_OR_NULL},
        {"total_count"},
    ),
    ListObjectV2: (
        {
            "data": Value((), nullable=True),
            "next_page_url": _TEXT_OR_NULL,
            "previous_page_url": _TEXT_OR_NULL,
        },
        set(),
    ),
}
