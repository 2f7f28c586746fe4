"""What imports what, read from the source: type-only imports and those inside functions count, too."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Package:
    """One of our packages, as it lies in its project's ``src/``."""

    project: str
    name: str

    @property
    def folder(self) -> Path:
        return ROOT / self.project / "src" / self.name

    @cached_property
    def modules(self) -> dict[str, Path]:
        """Each module by its dotted name; a folder's ``__init__`` has the folder's name."""
        return {self._name_of(path): path for path in sorted(self.folder.rglob("*.py"))}

    def _name_of(self, path: Path) -> str:
        parts = path.relative_to(self.folder.parent).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @cached_property
    def own_imports(self) -> dict[str, set[str]]:
        """For each module the modules of this package that it imports."""
        edges: dict[str, set[str]] = {}
        for module, path in self.modules.items():
            inside = {name for name in imports_of(path, module) if name.split(".")[0] == self.name}
            edges[module] = {self._module_behind(name) for name in inside} - {module}
        return edges

    def _module_behind(self, name: str) -> str:
        """The module that ``package.module.name`` is taken from."""
        while name not in self.modules:
            name = name.rpartition(".")[0]
        return name

    @cached_property
    def foreign_imports(self) -> dict[str, set[str]]:
        """For each module what it imports from elsewhere, as ``library.module.name``."""
        return {
            module: {name for name in imports_of(path, module) if name.split(".")[0] != self.name}
            for module, path in self.modules.items()
        }


def imports_of(path: Path, module: str) -> Iterator[str]:
    """What a file imports, absolute: ``package.module`` or ``package.module.name``."""
    inside = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = inside.split(".")[: len(inside.split(".")) - node.level + 1] if node.level else []
            stem = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{stem}.{alias.name}" for alias in node.names)


def circles(edges: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """The groups of two or more that import each other in a ring (Tarjan's strongly connected components)."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        number[node] = lowest[node] = len(number)
        stack.append(node)
        for other in edges.get(node, ()):
            if other not in number:
                visit(other)
            if other in stack:
                lowest[node] = min(lowest[node], lowest[other])
        if lowest[node] == number[node]:
            group = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(group) > 1:
                found.append(sorted(group))

    for node in edges:
        if node not in number:
            visit(node)
    return found
