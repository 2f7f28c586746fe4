"""The architecture is a test: a name that begins with an underscore is its own file's."""

from __future__ import annotations

import ast

import pytest

from .charters import CHARTERS
from .imports import Package

#: What libraries call so, though it is for all: named tuples, rows, Flask's proxies.
FOR_ALL = {"_asdict", "_fields", "_get_current_object", "_make", "_mapping", "_replace"}

#: What of a library is private, and has no public way to it.
BORROWED = {"_V2_EVENT_CLASS_LOOKUP", "_event_classes", "_field_remappings", "_verify_token_status"}


@pytest.mark.parametrize("package", CHARTERS, ids=lambda package: package.name)
def test_a_private_name_is_used_in_its_own_file_alone(package: Package) -> None:
    """A class may use what it inherits: ``self._join`` of a verb is the base's."""
    wrong = [
        f"{package.place(module, node.lineno)}: {name}"
        for module, tree in package.trees.items()
        for node, name in private_names_in(tree)
        if name not in defined_in(tree) | FOR_ALL | BORROWED
    ]
    assert not wrong, "\n".join(wrong)


def private_names_in(tree: ast.Module) -> list[tuple[ast.stmt | ast.expr, str]]:
    """Each that is imported, or asked of anything but the object or the class itself."""
    names: list[tuple[ast.stmt | ast.expr, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names += [(node, alias.name) for alias in node.names]
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) not in ("self", "cls", "super()"):
            names.append((node, node.attr))
    return [(node, name) for node, name in names if name.startswith("_") and not name.startswith("__")]


def defined_in(tree: ast.Module) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            names.add(node.attr)
    return names
