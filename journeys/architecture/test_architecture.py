"""The architecture is a test: who may import whom, in all four packages."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from .charters import CHARTERS, Charter
from .emulator import TOWER
from .extension import GROUND
from .imports import Package, circles
from .sentences import cure

#: Beside its ``__init__``.
MAX_FILES = 15
MAX_LINES = 500

#: Of a function, below its docstring.
MAX_LINES_OF_FUNCTION = 55

#: Folders that show more files than others, and why.
LARGER = {
    "flask_prepaid/cli": "a file for each command",
}

#: Folders in folders that have no line of their own in a table: each is a part of the folder above it.
PARTS = {
    "flask_prepaid/gateway/billing",
    "flask_prepaid/gateway/money_back",
    "flask_prepaid/gateway/payments",
    "flask_prepaid/operations/elsewhere",
    "flask_prepaid/outbox/webhooks",
    "flask_prepaid/payments/customers",
    "flask_prepaid/payments/outcome",
    "flask_prepaid/purchases/auto_topup",
    "flask_prepaid/purchases/checkout",
    "flask_prepaid/purchases/money_back",
    "flask_prepaid/purchases/money_back/disputes",
    "flask_prepaid/purchases/money_back/twice",
    "flask_prepaid/purchases/saved_cards",
    "flask_prepaid/reports/balance",
    "flask_prepaid/reports/sums",
    "flask_prepaid/subscriptions/beginning",
    "flask_prepaid/subscriptions/invoices",
    "flask_prepaid/web/mailing",
    "flask_prepaid/web/operator/customers",
    "flask_prepaid/web/operator/payments",
    "flask_prepaid/web/operator/reports",
    "flask_prepaid/web/pages",
    "flask_prepaid/web/pages/buying",
    "flask_prepaid/web/pages/plans",
    "flask_prepaid/web/visitors",
    "rando_number/accounts/proofs",
}

EXTENSION = next(package for package in CHARTERS if package.name == "flask_prepaid")

each_package = pytest.mark.parametrize("package", CHARTERS, ids=lambda package: package.name)


@each_package
def test_no_files_import_each_other_in_a_circle(package: Package) -> None:
    assert circles(package.own_imports) == [], "Move what both need into a file that imports neither."


@each_package
def test_no_rooms_import_each_other_in_a_circle(package: Package) -> None:
    assert circles(imports_of_rooms(package)) == [], "Move what both need into a room below them."


@each_package
def test_our_modules_are_imported_by_statements_that_these_tests_read(package: Package) -> None:
    ours = tuple(package.name for package in CHARTERS)
    wrong = [
        f"{place}: {ast.unparse(node)}"
        for place, _, node in package.nodes()
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).endswith(("import_module", "__import__"))
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and str(node.args[0].value).startswith((".", *ours))
    ]
    assert not wrong, cure("Write an import statement", wrong)


@each_package
def test_a_room_imports_only_what_its_charter_names(package: Package) -> None:
    wrong = [
        str(imported)
        for imported in package.imports
        if imported.library == package.name
        and not may_import(
            CHARTERS[package],
            room_of(package, imported.module),
            room_of(package, package.module_behind(imported.name)),
        )
    ]
    assert not wrong, cure(f"{table_of(package)} and the folder's docstring say what may be imported", wrong)


@each_package
def test_a_charter_names_nothing_that_its_room_does_not_import(package: Package) -> None:
    """The ground and the floors below one are for all: nobody has to use the whole of them."""
    used = imports_of_rooms(package)
    unused = {
        room: names
        for room, allowed in CHARTERS[package].items()
        if allowed is not ... and room not in TOWER
        if (names := allowed - used.get(room, set()) - (GROUND if allowed >= GROUND else set()))
    }
    assert unused == {}, f"Take it out of {table_of(package)} and of the folder's docstring."


@each_package
def test_the_docstring_of_a_folder_says_what_its_charter_allows(package: Package) -> None:
    charter = CHARTERS[package]
    folders = {room: names for room in charter if (names := said_of_imports(package, room)) is not None}

    assert folders
    wrong = [
        f"{room}: its docstring names {sorted(names)}"
        for room, names in folders.items()
        if names != charter[room]
    ]
    assert not wrong, cure(f"Write the same into the docstring and into {table_of(package)}", wrong)


def test_the_package_that_has_a_ground_names_it() -> None:
    text = " ".join(doc_of(EXTENSION, EXTENSION.name).split())

    assert set(re.findall("``(.+?)``", text.partition(" up may import:")[2])) == GROUND


def doc_of(package: Package, module: str) -> str:
    return ast.get_docstring(package.trees[module]) or ""


def said_of_imports(package: Package, room: str) -> set[str] | None:
    """What the docstring of a room's folder says that it may import; ``None`` for a file at the top."""
    module = f"{package.name}.{room.replace('/', '.')}"
    if module not in package.modules or package.modules[module].name != "__init__.py":
        return None
    sentence = re.search(r"\bImports (.*?)\.(?:\s|$)", doc_of(package, module), re.DOTALL)
    assert sentence is not None, f"{module} does not say what it imports"
    names = set(re.findall("``(.+?)``", sentence[1]))
    if "the ground" in sentence[1]:
        names |= GROUND
    if re.search(r"what\s+lies\s+below", sentence[1]):
        names |= set(TOWER[: max(TOWER.index(name) for name in names)])
    return names


@each_package
def test_every_room_has_a_charter_and_every_charter_a_room(package: Package) -> None:
    rooms = {room_of(package, module) for module in package.modules}

    unlike = sorted(rooms ^ set(CHARTERS[package]))
    assert not unlike, cure(f"Each room has its line in {table_of(package)}, and no other has", unlike)


@each_package
def test_each_folder_says_in_one_docstring_what_lies_there(package: Package) -> None:
    silent = [
        name_of(package, folder)
        for folder in folders_of(package)
        if not ast.get_docstring(ast.parse(text_of(folder / "__init__.py")))
    ]
    assert not silent, cure("Give it an __init__.py whose docstring says what lies there", silent)


@each_package
def test_a_folder_in_a_folder_has_a_line_of_its_own_or_is_a_part_of_the_one_above(package: Package) -> None:
    unlisted = {
        name
        for folder in folders_of(package)
        if (name := name_of(package, folder)).count("/") > 1
        and name.partition("/")[2] not in CHARTERS[package]
    }
    listed = {name for name in PARTS if name.startswith(f"{package.name}/")}
    assert unlisted == listed, f"Give it a line in {table_of(package)}, or list it in PARTS."


@each_package
def test_a_folder_shows_few_files(package: Package) -> None:
    large = [
        f"{name} has {files}"
        for folder in folders_of(package)
        if (files := len(list(folder.glob("*.py"))) - 1) > MAX_FILES
        and (name := name_of(package, folder)) not in LARGER
    ]
    assert not large, cure(f"A folder has at most {MAX_FILES} files: give a subject one of its own", large)


@each_package
def test_no_file_is_longer_than_one_subject(package: Package) -> None:
    long = [
        f"{package.place(name, 1)} has {lines}"
        for name, path in package.modules.items()
        if (lines := lines_of(path.read_text())) > MAX_LINES
    ]
    assert not long, cure(f"A file has at most {MAX_LINES} lines: move one subject out of it", long)


@each_package
def test_a_function_fits_a_screen(package: Package) -> None:
    long = [
        f"{place}: {name} has {lines}"
        for place, within, node in package.nodes()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := lines_below_docstring(node)) > MAX_LINES_OF_FUNCTION
        and ".migrations." not in (name := f"{within}.{node.name}")  # a migration is a list
    ]
    assert not long, cure(f"A function has at most {MAX_LINES_OF_FUNCTION} lines: name a part of it", long)


def lines_below_docstring(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    says = ast.get_docstring(function) is not None and len(function.body) > 1
    return (function.end_lineno or 0) - function.body[1 if says else 0].lineno + 1


def table_of(package: Package) -> str:
    """The file that has a package's table."""
    names = {"prepaid_ledger": "ledger", "flask_prepaid": "extension", "rando_number": "shop"}
    return f"journeys/architecture/{names.get(package.name, 'emulator')}.py"


def folders_of(package: Package) -> list[Path]:
    """Each folder with code below the package, but for migrations, which Alembic reads as files."""
    folders = {path.parent for path in package.modules.values()}
    return sorted(folder for folder in folders if "migrations" not in folder.parts)


def name_of(package: Package, folder: Path) -> str:
    """``package/folder``, as one types it below ``src/``."""
    return str(folder.relative_to(package.folder.parent))


def text_of(file: Path) -> str:
    return file.read_text() if file.exists() else ""


def lines_of(text: str) -> int:
    return text.count("\n")


def imports_of_rooms(package: Package) -> dict[str, set[str]]:
    rooms: dict[str, set[str]] = {}
    for module, others in package.own_imports.items():
        own = room_of(package, module)
        rooms.setdefault(own, set()).update(room_of(package, other) for other in others)
    return {room: others - {room} for room, others in rooms.items()}


def may_import(charter: Charter, room: str, other: str) -> bool:
    allowed = charter[room]
    return allowed is ... or other == room or other in allowed


def room_of(package: Package, module: str) -> str:
    """The deepest folder that has a charter of its own, or the file at the top.

    ``stripe_emulator.pages.portal.portal`` lies in ``pages/portal``; ``flask_prepaid.errors`` is ``errors``;
    the package itself is ``__init__``.
    """
    parts = module.split(".")[1:]
    if not parts:
        return "__init__"
    charter = CHARTERS[package]
    for depth in range(len(parts), 0, -1):
        if "/".join(parts[:depth]) in charter:
            return "/".join(parts[:depth])
    return parts[0]
