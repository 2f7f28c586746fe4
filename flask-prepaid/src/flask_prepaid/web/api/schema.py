"""JSON Schema of plain dataclasses, as OpenAPI 3.1 takes it: a field's type, with the words beside it.

``Annotated[int, "What it is"]`` describes a field. A field without a default has to be there.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

#: What JSON calls the types of Python that need no more words.
SIMPLE: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    datetime: {"type": "string", "format": "date-time"},
}

#: Answers a reference to the schema of a dataclass, which stands elsewhere in the document.
Refer = Callable[[type], dict[str, Any]]


@cache
def hints_of(shape: type) -> dict[str, Any]:
    """The type of each field, with the words beside it."""
    return get_type_hints(shape, include_extras=True)


def of_dataclass(shape: type, refer: Refer, *, strict: bool = False) -> dict[str, Any]:
    """The schema of a dataclass.

    :param strict: Other names than those of its fields are refused.
    """
    fields = dataclasses.fields(shape)
    schema: dict[str, Any] = {
        "type": "object",
        "description": " ".join((shape.__doc__ or "").split()),
        "properties": {field.name: of_type(hints_of(shape)[field.name], refer) for field in fields},
    }
    required = [field.name for field in fields if field.default is dataclasses.MISSING]
    if required:
        schema["required"] = required
    if strict:
        schema["additionalProperties"] = False
    return schema


def of_type(hint: Any, refer: Refer) -> dict[str, Any]:
    """The schema of one type: of those that JSON knows, lists, alternatives and dataclasses of them."""
    origin, inner = get_origin(hint), get_args(hint)
    if hint in SIMPLE:
        return dict(SIMPLE[hint])
    if origin is Annotated:
        return of_type(inner[0], refer) | {"description": inner[1]}
    if origin is Literal:
        return {"type": "string", "enum": list(inner)}
    if origin is list:
        return {"type": "array", "items": of_type(inner[0], refer)}
    if origin is dict:
        return {"type": "object", "additionalProperties": of_type(inner[1], refer)}
    if origin in (Union, types.UnionType):
        return {"anyOf": [{"type": "null"} if kind is type(None) else of_type(kind, refer) for kind in inner]}
    assert dataclasses.is_dataclass(hint), f"JSON has no type for {hint!r}"
    assert isinstance(hint, type), "it is the class, not one of its objects"
    return refer(hint)
