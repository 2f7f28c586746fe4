"""What imports what, read from the source: type-only imports and those inside functions count, too."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Import:
    """One import of one name: ``package.module`` or ``package.module.name``, absolute."""

    module: str
    name: str
    place: str

    @property
    def library(self) -> str:
        return self.name.split(".")[0]

    def __str__(self) -> str:
        return f"{self.place}: {self.name}"


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
    def trees(self) -> dict[str, ast.Module]:
        return {module: ast.parse(path.read_text()) for module, path in self.modules.items()}

    @cached_property
    def imports(self) -> list[Import]:
        return [imported for module in self.modules for imported in self._imports_of(module)]

    @cached_property
    def own_imports(self) -> dict[str, set[str]]:
        """For each module the modules of this package that it imports."""
        edges: dict[str, set[str]] = {module: set() for module in self.modules}
        for imported in self.imports:
            if imported.library == self.name:
                edges[imported.module].add(self.module_behind(imported.name))
        return {module: others - {module} for module, others in edges.items()}

    @property
    def foreign_imports(self) -> list[Import]:
        return [imported for imported in self.imports if imported.library != self.name]

    def module_behind(self, name: str) -> str:
        """The module that ``package.module.name`` is taken from."""
        while name not in self.modules:
            name = name.rpartition(".")[0]
        return name

    def place(self, module: str, line: int) -> str:
        return f"{self.modules[module].relative_to(ROOT)}:{line}"

    def nodes(self) -> Iterator[tuple[str, str, ast.AST]]:
        """Each node with its file and line, and where it stands: ``package.module.function``."""
        for module, tree in self.trees.items():
            for within, node in nodes_below(tree, module):
                yield self.place(module, getattr(node, "lineno", 1)), within, node

    def _imports_of(self, module: str) -> Iterator[Import]:
        path = self.modules[module]
        inside = module if path.name == "__init__.py" else module.rpartition(".")[0]
        for node in ast.walk(self.trees[module]):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                above = inside.split(".")[: len(inside.split(".")) - node.level + 1] if node.level else []
                stem = ".".join([*above, *([node.module] if node.module else [])])
                names = [f"{stem}.{alias.name}" for alias in node.names]
            else:
                continue
            for name in names:
                yield Import(module, name, self.place(module, node.lineno))


def nodes_below(parent: ast.AST, within: str) -> Iterator[tuple[str, ast.AST]]:
    for node in ast.iter_child_nodes(parent):
        yield within, node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from nodes_below(node, f"{within}.{node.name}")
        else:
            yield from nodes_below(node, within)


def circles(edges: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """The groups of two or more that import each other in a ring (Tarjan's strongly connected components)."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    imported: list[list[str]] = []

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
                imported.append(sorted(group))

    for node in edges:
        if node not in number:
            visit(node)
    return imported
