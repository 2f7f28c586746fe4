"""Keys, limits by key and the fast path are the extension's: the shop keeps what is about numbers."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path

import rando_number

SHOP = Path(rando_number.__file__).parent

#: The extension's names for keys, their limits, and calls that are sold by them.
OF_KEYS = frozenset(
    {
        *("ApiKey", "Caller", "FastPath", "Keys", "Sale", "Sold"),
        *("BudgetSummary", "budgets", "set_budget", "make_key", "require_caller", "revoke_keys", "sell"),
    }
)

#: These count with all their lines.
WHOLLY = frozenset({"api/fast_path.py"})

#: Made-up customers are no part of the shop.
APART = "demo"


def lines_about_keys() -> dict[str, int]:
    """How many lines of each file are about keys: those of its statements that name something of theirs."""
    counted = {}
    for file in sorted(SHOP.rglob("*.py")):
        path, text = file.relative_to(SHOP), file.read_text()
        about = [node for node in statements(ast.parse(text)) if names_in(node) & OF_KEYS]
        lines = {line for node in about for line in span(node)}
        if path.parts[0] != APART and lines:
            counted[path.as_posix()] = len(text.splitlines()) if path.as_posix() in WHOLLY else len(lines)
    return counted


def statements(tree: ast.Module) -> Iterator[ast.stmt]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.stmt))


def names_in(node: ast.stmt) -> set[str]:
    """The names in a statement, without those of the statements in it."""
    inner = {id(each) for body in bodies(node) for stmt in body for each in ast.walk(stmt)}
    own = [each for each in ast.walk(node) if id(each) not in inner]
    names = {each.id for each in own if isinstance(each, ast.Name)}
    names |= {alias.name for each in own if isinstance(each, ast.ImportFrom) for alias in each.names}
    return names | {each.attr for each in own if isinstance(each, ast.Attribute)}


def bodies(node: ast.stmt) -> list[list[ast.stmt]]:
    return [getattr(node, name) for name in ("body", "orelse", "finalbody") if hasattr(node, name)]


def span(node: ast.stmt) -> Sequence[int]:
    """The lines of a statement: of an import those of the names, of a block those before what is in it."""
    if isinstance(node, ast.ImportFrom):
        return [alias.lineno for alias in node.names if alias.name in OF_KEYS]
    inner = [stmt.lineno for body in bodies(node) for stmt in body]
    assert node.end_lineno is not None
    return range(node.lineno, min(inner) if inner else node.end_lineno + 1)


def test_the_shops_own_code_for_keys_limits_by_key_and_fast_path_is_short() -> None:
    lines = lines_about_keys()

    assert {*WHOLLY, "usage/statement.py", "shop.py", "numbers.py"} <= lines.keys()
    assert sum(lines.values()) < 150, lines
