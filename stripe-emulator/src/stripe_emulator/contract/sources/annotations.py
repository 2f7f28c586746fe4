"""What the annotations in the installed ``stripe`` package mean.

The package is generated from Stripe's own specification, and annotates every
parameter and every field. It imports most of the names that it annotates with
for type checkers only, so that ``typing.get_type_hints`` can't resolve them:
they are looked up here, each when it is first needed.
"""

import ast
import importlib
import re
import textwrap
import types
import typing
from functools import cache
from pathlib import Path
from typing import Any

import typing_extensions

_LITERALS = (typing.Literal, typing_extensions.Literal)
_UNIONS = (typing.Union, types.UnionType)
_WRAPPERS = (typing_extensions.NotRequired, typing_extensions.Required)
_TYPE_CHECKING_BLOCK = re.compile(r"^if TYPE_CHECKING:\n((?:[ \t].*\n|\n)+)", re.MULTILINE)


class Names(dict[str, Any]):
    """The names that a module of the SDK can use in an annotation."""

    def __init__(self, module_name: str) -> None:
        module = importlib.import_module(module_name)
        super().__init__(vars(module))
        self._imports = type_checking_imports(Path(str(module.__file__)).read_text(encoding="utf-8"))

    def __missing__(self, name: str) -> Any:
        module_name, original = self._imports[name]
        self[name] = getattr(importlib.import_module(module_name), original)
        return self[name]


def type_checking_imports(source: str) -> dict[str, tuple[str, str]]:
    """Each name that ``source`` imports for type checkers only: its module and its name there."""
    blocks = "".join(textwrap.dedent(block) for block in _TYPE_CHECKING_BLOCK.findall(source))
    return {
        alias.asname or alias.name: (node.module, alias.name)
        for node in ast.parse(blocks).body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }


@cache
def names_in(module_name: str) -> Names:
    return Names(module_name)


def resolve(annotation: Any, module_name: str) -> Any:
    """The type that ``annotation`` means in that module; its arguments may still be strings."""
    while True:
        if isinstance(annotation, typing.ForwardRef):
            annotation = annotation.__forward_arg__
        if isinstance(annotation, str):
            annotation = eval(annotation, {}, names_in(module_name))
        elif typing.get_origin(annotation) in _WRAPPERS:
            (annotation,) = typing.get_args(annotation)
        else:
            return annotation


def alternatives(annotation: Any, module_name: str) -> list[Any]:
    """The members of a union, resolved and flattened; one member if it is no union."""
    resolved = resolve(annotation, module_name)
    if typing.get_origin(resolved) not in _UNIONS:
        return [resolved]
    return [
        alternative
        for member in typing.get_args(resolved)
        for alternative in alternatives(member, module_name)
    ]


def literals(resolved: Any) -> tuple[Any, ...] | None:
    """The values of a ``Literal``, or None for any other type."""
    return typing.get_args(resolved) if typing.get_origin(resolved) in _LITERALS else None
