"""Who may import whom. The architecture is a test."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {
    "flask_prepaid": ROOT / "flask-prepaid/src/flask_prepaid",
    "stripe_emulator": ROOT / "stripe-emulator/src/stripe_emulator",
    "rando_number": ROOT / "rando-number/src/rando_number",
}

#: Inside flask_prepaid, from the top down. A module imports only from its own line and from those below.
LAYERS = [
    {"extension"},
    {"views", "cli"},
    {"webhooks", "reconcile", "reports"},
    {"purchases", "subscriptions", "cards", "topups"},
    {"ledger", "gateway"},
]


def test_the_parts_import_each_other_in_one_direction_only() -> None:
    allowed = {"rando_number": {"flask_prepaid"}, "flask_prepaid": set(), "stripe_emulator": set()}

    for package, folder in PACKAGES.items():
        foreign = {name.split(".")[0] for _, name in imports(folder)} & set(PACKAGES) - {package}
        assert foreign <= allowed[package], package


def test_the_app_uses_only_public_names_of_the_extension() -> None:
    deep = [
        f"{path.name}: {name}"
        for path, name in imports(PACKAGES["rando_number"])
        if name.startswith("flask_prepaid.")
    ]
    assert deep == []


def test_only_the_gateway_talks_to_stripe() -> None:
    users = {path.stem for path, name in imports(PACKAGES["flask_prepaid"]) if name.split(".")[0] == "stripe"}
    assert users == {"gateway"}


def test_the_app_never_talks_to_stripe_itself() -> None:
    assert [p.stem for p, name in imports(PACKAGES["rando_number"]) if name.split(".")[0] == "stripe"] == []


@pytest.mark.parametrize("module", ["ledger", "holds", "lots", "audit"])
def test_the_ledger_knows_neither_flask_nor_stripe(module: str) -> None:
    path = PACKAGES["flask_prepaid"] / f"{module}.py"
    assert {name.split(".")[0] for name in imports_of(path)} & {"flask", "stripe", "werkzeug"} == set()


def test_the_extension_imports_downwards_only() -> None:
    level = {module: depth for depth, line in enumerate(LAYERS) for module in line}
    upwards = [
        f"{path.relative_to(PACKAGES['flask_prepaid'])} imports {name}"
        for path in sorted(PACKAGES["flask_prepaid"].rglob("*.py"))
        if (own := level.get(module_of(path))) is not None
        for name in imports_of(path)
        if name.startswith("flask_prepaid.") and level.get(name.split(".")[1], own) < own
    ]
    assert upwards == []


def imports(folder: Path) -> Iterator[tuple[Path, str]]:
    for path in sorted(folder.rglob("*.py")):
        for name in imports_of(path):
            yield path, name


def imports_of(path: Path) -> Iterator[str]:
    """What the module imports at run time, absolute: ``package.module`` or ``package.module.name``."""
    tree = ast.parse(path.read_text())
    skipped = {id(node) for block in ast.walk(tree) if for_types_only(block) for node in ast.walk(block)}
    package = package_of(path)
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{stem}.{alias.name}" if node.level else stem for alias in node.names)


def for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def package_of(path: Path) -> list[str]:
    for name, folder in PACKAGES.items():
        if folder in path.parents:
            return [name, *path.parent.relative_to(folder).parts]
    raise AssertionError(f"{path} lies in none of the packages")


def module_of(path: Path) -> str:
    """The first name below the package: ``views`` for ``views/buy.py`` too."""
    return path.relative_to(PACKAGES["flask_prepaid"]).parts[0].removesuffix(".py")
