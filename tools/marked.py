"""The part of a page that a tool writes: what stands between two marks, in lines as wide as all others."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill


def write_between(page: Path, begin: str, end: str, text: str) -> None:
    """Write ``text`` between the marks of a page, in place of what stands there."""
    before, _, rest = page.read_text().partition(begin)
    _, _, after = rest.partition(end)
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}")


def paragraph(text: str) -> str:
    """A text in lines of a page."""
    return fill(text, 110, break_long_words=False, break_on_hyphens=False)
