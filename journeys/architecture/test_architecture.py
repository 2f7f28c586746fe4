"""The architecture is a test: who may import whom, in all four packages."""

from __future__ import annotations

import ast
import re

import pytest

from .charters import CHARTERS, Charter
from .emulator import TOWER
from .extension import GROUND
from .imports import Package, circles

MAX_FILES_AT_THE_TOP = 15
MAX_LINES = 500

EXTENSION = next(package for package in CHARTERS if package.name == "flask_prepaid")

each_package = pytest.mark.parametrize("package", CHARTERS, ids=lambda package: package.name)


@each_package
def test_no_files_import_each_other_in_a_circle(package: Package) -> None:
    assert circles(package.own_imports) == []


@each_package
def test_no_rooms_import_each_other_in_a_circle(package: Package) -> None:
    assert circles(imports_of_rooms(package)) == []


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
    assert not wrong, "\n".join(wrong)


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
    assert unused == {}


@each_package
def test_the_docstring_of_a_folder_says_what_its_charter_allows(package: Package) -> None:
    charter = CHARTERS[package]
    folders = {room: names for room in charter if (names := said_of_imports(package, room)) is not None}

    assert folders
    assert folders == {room: charter[room] for room in folders}


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

    assert rooms == set(CHARTERS[package])


@each_package
def test_each_folder_says_in_one_docstring_what_lies_there(package: Package) -> None:
    silent = [
        package.place(module, 1)
        for module, tree in package.trees.items()
        if package.modules[module].name == "__init__.py" and not ast.get_docstring(tree)
    ]
    assert not silent, "\n".join(silent)


@each_package
def test_the_top_folder_shows_the_rooms_and_few_files(package: Package) -> None:
    assert len(list(package.folder.glob("*.py"))) <= MAX_FILES_AT_THE_TOP


@each_package
def test_no_file_is_longer_than_one_subject(package: Package) -> None:
    long = {
        name: lines
        for name, path in package.modules.items()
        if (lines := lines_of(path.read_text())) > MAX_LINES
    }
    assert long == {}


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

    ``stripe_emulator.pages.portal`` lies in ``pages``; ``flask_prepaid.errors`` is ``errors``; the package
    itself is ``__init__``.
    """
    parts = module.split(".")[1:]
    if not parts:
        return "__init__"
    charter = CHARTERS[package]
    for depth in range(len(parts), 0, -1):
        if "/".join(parts[:depth]) in charter:
            return "/".join(parts[:depth])
    return parts[0]
