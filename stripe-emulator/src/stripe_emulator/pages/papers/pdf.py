"""PDF by hand: text and lines on A4 in Helvetica, which every reader has. ISO 32000-1.

Enough for an invoice, and no dependency for a tool that is installed everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field

WIDTH, HEIGHT = 595, 842

#: How wide Helvetica's characters are, from the space on, in thousandths of the size.
_WIDTHS = (
    "278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278"
    " 556 556 556 556 556 556 556 556 556 556 278 278 584 584 584 556"
    " 1015 667 667 722 722 667 611 778 722 278 500 667 556 833 722 778"
    " 667 778 722 667 611 722 667 944 667 667 611 278 278 278 469 556"
    " 333 556 556 500 556 556 278 556 556 222 222 500 222 833 556 556"
    " 556 556 333 500 278 556 500 722 500 500 500 334 260 334 584"
)
_WIDTH_OF = dict(zip(map(chr, range(32, 127)), map(int, _WIDTHS.split()), strict=True))


def width(text: str, size: float) -> float:
    """How wide a text is, in points; a character beyond ASCII counts as a figure."""
    return sum(_WIDTH_OF.get(character, 556) for character in text) * size / 1000


@dataclass
class PdfPage:
    """One page. Coordinates are points from the top left corner."""

    _drawn: list[str] = field(default_factory=list)

    def text(self, x: float, y: float, text: str, *, size: float = 10, bold: bool = False) -> None:
        """Write from ``x`` on to the right."""
        font = "/F2" if bold else "/F1"
        self._drawn.append(f"BT {font} {size} Tf {x:.1f} {HEIGHT - y:.1f} Td ({_escaped(text)}) Tj ET")

    def right(self, x: float, y: float, text: str, *, size: float = 10, bold: bool = False) -> None:
        """Write so that the text ends at ``x``."""
        self.text(x - width(text, size), y, text, size=size, bold=bold)

    def rule(self, x: float, y: float, to: float) -> None:
        """A thin horizontal line."""
        self._drawn.append(f"0.5 w 0.75 G {x:.1f} {HEIGHT - y:.1f} m {to:.1f} {HEIGHT - y:.1f} l S")

    def content(self) -> bytes:
        """The page's stream."""
        return "\n".join(self._drawn).encode("cp1252", "replace")


def document(pages: list[PdfPage], title: str) -> bytes:
    """The file: a header, numbered objects, and the table that says where each begins."""
    fonts = [
        f"<< /Type /Font /Subtype /Type1 /BaseFont /{name} /Encoding /WinAnsiEncoding >>".encode()
        for name in ("Helvetica", "Helvetica-Bold")
    ]
    numbers = [6 + 2 * place for place in range(len(pages))]
    kids = " ".join(f"{number} 0 R" for number in numbers)
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        *fonts,
        f"<< /Title ({_escaped(title)}) /Producer (stripe-emulator) >>".encode("cp1252", "replace"),
    ]
    for number, page in zip(numbers, pages, strict=True):
        stream = page.content()
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {WIDTH} {HEIGHT}] /Contents {number + 1} 0 R"
            " /Resources << /Font << /F1 3 0 R /F2 4 0 R >> >> >>".encode()
        )
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
    return _file(objects)


def _file(objects: list[bytes]) -> bytes:
    out = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    for place in places:
        out += b"%010d 00000 n \n" % place
    out += b"trailer\n<< /Size %d /Root 1 0 R /Info 5 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        table,
    )
    return bytes(out)


def _escaped(text: str) -> str:
    for character in "\\()":
        text = text.replace(character, "\\" + character)
    return "".join(character if character.isprintable() else " " for character in text)
