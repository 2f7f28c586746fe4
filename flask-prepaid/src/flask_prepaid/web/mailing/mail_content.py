"""What a mail says, read once from its text; its plain part and its HTML are both made of this.

The text of a template, or of a host's own mail, is read line by line:

- the first line is the subject;
- ``| Total | $5.00`` is a line of a table;
- ``Buy more: https://shop.example/buy`` is a link. The first one of a mail is a button;
- what else stands between empty lines is a paragraph.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

#: A few words, then an address, and nothing else on the line: a long sentence is no button.
_LINK = re.compile(r"(?P<words>\S.{0,59}?): +(?P<url>https?://\S+)")

#: An address within a sentence, without the sentence's own end.
_ADDRESS = re.compile(r"(https?://\S*[^\s.,;:!?)'\"])")

#: A label and what belongs to it.
_ROW = re.compile(r"\| *(?P<label>[^|]+?) *\| *(?P<value>.*\S)")


@dataclass(frozen=True)
class Paragraph:
    text: str
    kind: str = "paragraph"

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Row:
    """A line of a table."""

    label: str
    value: str
    kind: str = "row"

    def __str__(self) -> str:
        return f"{self.label}: {self.value}"


@dataclass(frozen=True)
class Link:
    words: str
    url: str
    kind: str = "link"

    @property
    def place(self) -> str:
        """The host that it leads to, for who wants to know before."""
        return urlsplit(self.url).hostname or ""

    def __str__(self) -> str:
        return f"{self.words}: {self.url}"


Piece = Paragraph | Row | Link


@dataclass(frozen=True)
class MailContent:
    """The subject, and the pieces below it in groups of one kind."""

    subject: str
    groups: tuple[tuple[Piece, ...], ...]

    @property
    def button(self) -> Link | None:
        """What the mail wants to be done: its first link."""
        return next((piece for group in self.groups for piece in group if isinstance(piece, Link)), None)

    @property
    def text(self) -> str:
        """The pieces as plain text, an empty line between groups."""
        return "\n\n".join("\n".join(map(str, group)) for group in self.groups)


def read(subject: str, text: str) -> MailContent:
    """The content of a mail with this subject and this text, as the module says."""
    groups: list[tuple[Piece, ...]] = []
    for piece in _pieces(text):
        if groups and groups[-1][0].kind == piece.kind != "paragraph":  # each paragraph stands for itself
            groups[-1] = (*groups[-1], piece)
        else:
            groups.append((piece,))
    return MailContent(" ".join(subject.split()), tuple(groups))


def _pieces(text: str) -> Iterator[Piece]:
    waiting: list[str] = []
    for line in [*(line.strip() for line in text.splitlines()), ""]:
        link, row = _LINK.fullmatch(line), _ROW.fullmatch(line)
        if line and not link and not row:
            waiting.append(line)
            continue
        if waiting:
            yield Paragraph("\n".join(waiting))
            waiting = []
        if row:
            yield Row(**row.groupdict())
        elif link:
            yield Link(**link.groupdict())


def linked(text: str) -> list[tuple[str, bool]]:
    """The parts of a text, each with whether it is an address to link.

    Only what begins with ``https://`` or ``http://`` is: a name such as ``evil.example`` is somebody's words.
    """
    return [(part, n % 2 == 1) for n, part in enumerate(_ADDRESS.split(text)) if part]


@dataclass(frozen=True)
class WrittenMail:
    """A mail as it is sent: one content as plain text and as HTML."""

    subject: str
    text: str
    html: str
