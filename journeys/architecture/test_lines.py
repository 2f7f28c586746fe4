"""How long a file of tests may be, how wide a line of a page, and how a docstring begins."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from .imports import ROOT
from .sentences import cure
from .test_architecture import MAX_LINES, lines_of

#: Of a line of Markdown: as of a line of code, which Ruff holds.
MAX_WIDTH = 110

#: Where code lies that no package has.
BESIDE = ("*/tests", "journeys", "campaigns", "benchmarks", "tools")


def files_beside_the_packages() -> Iterator[Path]:
    """The code of tests, campaigns, benchmarks and tools; and what stands at the top."""
    yield from ROOT.glob("*.py")
    yield ROOT / "dev"
    for pattern in BESIDE:
        for folder in sorted(ROOT.glob(pattern)):
            yield from sorted(folder.rglob("*.py"))


def test_no_file_beside_the_packages_is_longer_than_one_subject() -> None:
    long = [
        f"{path.relative_to(ROOT)} has {lines}"
        for path in files_beside_the_packages()
        if (lines := lines_of(path.read_text())) > MAX_LINES
    ]
    assert not long, cure(f"A file has at most {MAX_LINES} lines: move one subject out of it", long)


def test_a_line_of_a_page_is_not_wider_than_a_line_of_code() -> None:
    wide = [f"{page}:{number}" for page in pages() for number in wide_lines((ROOT / page).read_text())]
    assert not wide, cure(f"A line of Markdown has at most {MAX_WIDTH} characters: break it", wide)


def pages() -> list[str]:
    """Each file of Markdown that is ours."""
    patterns = ("*.md", "*/README.md", "docs/**/*.md", "deploy/**/*.md")
    return sorted({str(path.relative_to(ROOT)) for pattern in patterns for path in ROOT.glob(pattern)})


def wide_lines(text: str) -> Iterator[int]:
    """The numbers of lines that are too wide. A table can't be broken, nor can what stands between fences."""
    fence = ""
    for number, line in enumerate(text.splitlines(), 1):
        mark = re.match(r"\s*(`{3,}|~{3,})", line)
        if mark and (not fence or line.strip() == fence):
            fence = "" if fence else mark[1]
        elif not fence and len(line) > MAX_WIDTH and not line.lstrip().startswith("|"):
            yield number


def test_the_first_line_of_a_docstring_is_whole() -> None:
    broken = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sorted(ROOT.glob("*/src/**/*.py"))
        for name in broken_docstrings(ast.parse(path.read_text()))
    ]
    assert not broken, cure("A docstring's first line is a sentence; more follows an empty line", broken)


def broken_docstrings(code: ast.Module) -> Iterator[str]:
    """Whose docstring has a first line that goes on in the second. What only has fields has no such line."""
    for node in ast.walk(code):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            first, _, rest = (ast.get_docstring(node) or "").partition("\n")
            if rest and not rest.startswith("\n") and not first.startswith(":"):
                yield node.name
