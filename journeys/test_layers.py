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

#: What moves credits and reads the books, from the top down. It knows neither the web nor Stripe.
LEDGER = [
    {
        "allowances",
        "audit",
        "awaiting",
        "bulk",
        "group_commit",
        "holding",
        "line",
        "reversals",
        "statements",
        "wallets",
    },
    {"batches", "carrying", "audit_sums", "spending"},
    {"replay"},
    {"ledger", "clawbacks"},
    {"expiry"},
    {"drawing", "recent"},
    {"holds", "lots"},
    {"posting"},
]

#: Inside flask_prepaid, from the top down. A module imports only from its own line and from those below.
#: A package stands for all that is in it, unless one of its modules has a place of its own.
LAYERS = [
    {"__init__", "testing"},
    {"extension"},
    {"verbs", "costs"},
    {"views", "cli", "mails", "report_command"},
    {"connect", "doctor", "reconcile", "reports", "tick", "webhooks"},
    {"cards", "moneyback", "notices", "purchases", "subscriptions", "topups"},
    {"customers", "payments"},
    {"attempts"},
    *LEDGER,
    {"billing_models", "reports.models", "subscriptions.models", "migrations"},
    {"models"},
    {"gateway", "stripe_account"},
    {"catalog", "database", "facts", "signals", "upgrade"},
    {"charts", "clock", "config", "deadline", "errors", "money", "operators"},
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


def test_the_emulator_reads_the_sdk_in_few_places() -> None:
    """The contract is derived from it; the others give a test its HTTP client, a signature, a version."""
    source = PACKAGES["stripe_emulator"]
    users = {path.relative_to(source) for path, name in imports(source) if name.split(".")[0] == "stripe"}
    outside = {str(path) for path in users if path.parts[0] != "contract"}
    assert outside == {"core/version.py", "events/deliveries.py", "server/client.py"}


@pytest.mark.parametrize("module", sorted(set().union(*LEDGER)))
def test_the_ledger_knows_neither_flask_nor_stripe(module: str) -> None:
    path = PACKAGES["flask_prepaid"] / f"{module}.py"
    assert {name.split(".")[0] for name in imports_of(path)} & {"flask", "stripe", "werkzeug"} == set()


def test_every_module_of_the_extension_has_its_place_in_the_layers() -> None:
    placed = [module for line in LAYERS for module in line]
    there = {module_of(path) for path in PACKAGES["flask_prepaid"].rglob("*.py")}

    assert {module for module in there if level_of(module) is None} == set()
    assert {name for name in placed if not any(m == name or m.startswith(f"{name}.") for m in there)} == set()
    assert len(placed) == len(set(placed))


def test_the_extension_imports_downwards_only() -> None:
    source = PACKAGES["flask_prepaid"]
    upwards = [
        f"{path.relative_to(source)} imports {name}"
        for path, name in imports(source)
        if name.startswith("flask_prepaid.")
        and is_above(name.removeprefix("flask_prepaid."), module_of(path))
    ]
    assert upwards == []


def is_above(name: str, module: str) -> bool:
    theirs, own = level_of(name), level_of(module)
    return theirs is not None and own is not None and theirs < own


def level_of(name: str) -> int | None:
    """The line that ``name`` or the nearest package above it stands in: ``views`` for ``views.page`` too."""
    while name:
        for depth, line in enumerate(LAYERS):
            if name in line:
                return depth
        name = name.rpartition(".")[0]
    return None


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
    """The module's name below the package, ``views.page``; a package's is its own, ``views``."""
    parts = path.relative_to(PACKAGES["flask_prepaid"]).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)
