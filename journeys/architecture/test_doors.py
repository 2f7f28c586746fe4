"""The architecture is a test: what has one door, and which door that is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from .charters import CHARTERS
from .imports import ROOT, Package

LEDGER, EXTENSION, EMULATOR, SHOP = CHARTERS

#: Whom each project may import of ours.
BELOW = {SHOP: EXTENSION, EXTENSION: LEDGER}

#: Where the emulator reads the SDK beside its contract: a version, a signature, a test's HTTP client.
SDK_IN_THE_EMULATOR = {"stripe_emulator.server.client"}

#: What commits for all others: a transaction, a read that gives its connection back, and how both begin.
COMMITS = {
    f"flask_prepaid.context.{name}" for name in ("transaction", "reading", "apart", "_commit_what_is_open")
}

#: ``costs`` is a view's own decorator: it looks at the request that it charges for.
READS_THE_REQUEST = ("flask_prepaid.web.", "flask_prepaid.cli.", "flask_prepaid.costs")


def test_the_projects_import_each_other_in_one_direction_only() -> None:
    names = {package.name for package in CHARTERS}
    wrong = [
        str(imported)
        for package in CHARTERS
        for imported in package.foreign_imports
        if imported.library in names - ({BELOW[package].name} if package in BELOW else set())
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("package", BELOW, ids=lambda package: package.name)
def test_a_project_comes_in_by_the_public_doors_of_the_one_below(package: Package) -> None:
    below = BELOW[package]
    wrong = [
        str(imported)
        for imported in package.foreign_imports
        if imported.library == below.name
        and (below.module_behind(imported.name) not in public_doors(below) or "._" in imported.name)
    ]
    assert not wrong, "\n".join(wrong)


def test_the_ledger_knows_neither_flask_nor_stripe() -> None:
    strangers = {"flask", "werkzeug", "stripe"}
    wrong = [str(imported) for imported in LEDGER.foreign_imports if imported.library in strangers]
    assert not wrong, "\n".join(wrong)


def test_only_the_gateway_imports_stripes_sdk() -> None:
    wrong = [
        str(imported)
        for package in (EXTENSION, SHOP)
        for imported in package.foreign_imports
        if imported.library == "stripe" and not imported.module.startswith("flask_prepaid.gateway.")
    ]
    assert not wrong, "\n".join(wrong)


def test_only_the_gateway_holds_stripes_client() -> None:
    wrong = [
        place
        for package in (EXTENSION, SHOP)
        for place, within, node in nodes(package)
        if isinstance(node, ast.Attribute)
        and node.attr in ("client", "_client")
        and ast.unparse(node.value).endswith("gateway")
        and not within.startswith("flask_prepaid.gateway.")
    ]
    assert not wrong, "\n".join(wrong)


def test_the_emulator_reads_the_sdk_in_few_places() -> None:
    users = {imported.module for imported in EMULATOR.foreign_imports if imported.library == "stripe"}
    outside = {module for module in users if not module.startswith("stripe_emulator.contract.")}
    assert outside == SDK_IN_THE_EMULATOR


def test_nothing_below_the_web_and_the_commands_reads_the_request() -> None:
    wrong = [
        str(imported)
        for imported in EXTENSION.foreign_imports
        if imported.name == "flask.request" and not imported.module.startswith(READS_THE_REQUEST)
    ]
    assert not wrong, "\n".join(wrong)


def test_only_the_context_commits() -> None:
    wrong = [
        f"{place}: {within}"
        for place, within, node in nodes(EXTENSION)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "commit"
        and within not in COMMITS
    ]
    assert not wrong, "\n".join(wrong)


def public_doors(package: Package) -> set[str]:
    """The package itself, and each module that its README or the reference names: `` `package.module` ``."""
    pages = [ROOT / package.project / "README.md", *(ROOT / "docs/reference").glob("*.md")]
    text = "\n".join(page.read_text() for page in pages)
    named = set(re.findall(rf"`({package.name}(?:\.[a-z_]+)+)`", text))
    return {package.name, *(named & set(package.modules))}


def nodes(package: Package) -> Iterator[tuple[str, str, ast.AST]]:
    """Each node with its file and line, and the function that it stands in: ``package.module.function``."""
    for module, tree in package.trees.items():
        file = str(package.modules[module].relative_to(ROOT))
        for within, node in nodes_below(tree, module):
            yield f"{file}:{getattr(node, 'lineno', 1)}", within, node


def nodes_below(parent: ast.AST, within: str) -> Iterator[tuple[str, ast.AST]]:
    for node in ast.iter_child_nodes(parent):
        yield within, node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from nodes_below(node, f"{within}.{node.name}")
        else:
            yield from nodes_below(node, within)
