"""How long a file of tests may be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .imports import ROOT
from .sentences import cure
from .test_architecture import MAX_LINES, lines_of

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
