"""The pages of the documentation, the READMEs included, and the blocks of code that stand on them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    str(path.relative_to(ROOT))
    for pattern in ("*.md", "docs/**/*.md", "*/README.md")
    for path in ROOT.glob(pattern)
    if not {"node_modules", ".venv", "instance", "_build"} & set(path.parts)
)

BLOCK = re.compile(
    r"(?:^ *<!-- (?P<mark>[^\n]*?) -->\n+)?"
    r"^(?P<indent> *)```(?P<language>\w*|\{[\w-]+\}[^\n]*)\n(?P<code>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)

#: Languages that nobody runs.
DATA = {"text", "sql", "ini", "json", "yaml", "toml", "html", "jinja"}


@dataclass(frozen=True)
class Block:
    """A piece of code as it stands on a page, with what the comment above it says."""

    language: str
    code: str
    mark: str

    @property
    def file(self) -> str | None:
        return self.mark.removeprefix("file: ") if self.mark.startswith("file: ") else None

    @property
    def only_shown(self) -> bool:
        return self.mark.startswith("shown: ")

    @property
    def commands(self) -> list[str]:
        """The lines of shell; those of a block in no language count where they name a command of ours."""
        lines = [line.strip() for line in self.code.splitlines() if line.strip()]
        if self.language == "sh":
            return lines
        return [line for line in lines if not self.language and line.startswith(("./dev ", "flask "))]


def blocks(page: str) -> list[Block]:
    """The code of a page; not what tells Sphinx to do something."""
    return blocks_in((ROOT / page).read_text())


def blocks_in(text: str) -> list[Block]:
    blocks = BLOCK.finditer(text)
    return [
        Block(match["language"], dedent(match["code"]), match["mark"] or "")
        for match in blocks
        if not match["language"].startswith("{")
    ]


def running(page: str) -> list[Block]:
    return [block for block in blocks(page) if not block.only_shown]
