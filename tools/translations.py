"""Gathers the messages of the code into its catalogues, and compiles those.

``python -m tools.translations`` does it. What is new stands in the ``.po`` files without a translation then:
write it, and run this again. ``journeys/test_translations.py`` holds that nothing is left to do.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parent.parent
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
DOMAIN = "flask_prepaid"
LANGUAGES = ("de", "es")

#: The packages with catalogues. Rando Number hands its own over to the extension, as any host can.
PACKAGES = (ROOT / "flask-prepaid/src/flask_prepaid", ROOT / "rando-number/src/rando_number")

METHODS = [
    ("**/operator/**", "ignore"),
    ("**/cli/**", "ignore"),
    ("**/api/**", "ignore"),
    ("**.py", "python"),
    ("**.html", "jinja2.ext:babel_extract"),
    ("**.txt", "jinja2.ext:babel_extract"),
]

#: Where a message stands: the functions of code and of templates, and the errors, by their first argument.
KEYWORDS: dict[str, tuple[int, ...] | None] = {
    "_": None,
    "gettext": None,
    "marked": None,
    "ngettext": (1, 2),
    "marked_plural": (1, 2),
    "prepaid_text": None,
    "prepaid_plural": (1, 2),
    "KeyReused": (2,),
    **dict.fromkeys(
        (
            *(
                "UnknownItem",
                "PlanRefused",
                "CodeRefused",
                "TooManyAttempts",
                "TooManyGuesses",
                "BuyingPaused",
            ),
            *("TooManyCalls", "NotSignedIn", "NotYours", "NoCard", "FormExpired"),
        )
    ),
}


def catalogue_of(package: Path, language: str) -> Path:
    return package / "translations" / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def has_messages(package: Path) -> bool:
    return any(message.id for message in extracted(package))


@cache
def extracted(package: Path) -> Catalog:
    """Every message of a package, in the order of its files. Nobody changes it: it takes seconds to make."""
    catalogue = Catalog(charset="utf-8", fuzzy=False)
    for file, _line, message, comments, context in _messages(package):
        catalogue.add(message, locations=[(file, 0)], auto_comments=comments, context=context)
    return catalogue


def _messages(package: Path) -> Iterator[tuple[str, int, str | tuple[str, ...], list[str], str | None]]:
    options = {"**.html": {"silent": "false"}, "**.txt": {"silent": "false"}}
    yield from extract_from_dir(str(package), METHODS, options, KEYWORDS)


def own(package: Path) -> list[Message]:
    """The messages that the packages before it do not have: a host's words go beside the extension's."""
    before = {message.id for earlier in PACKAGES[: PACKAGES.index(package)] for message in extracted(earlier)}
    return [message for message in extracted(package) if message.id and message.id not in before]


def updated(package: Path, language: str) -> Catalog:
    """The catalogue of a language with every message of the code, and no other."""
    path = catalogue_of(package, language)
    known = Catalog(locale=language)
    if path.is_file():
        with path.open("rb") as file:
            known = read_po(file, locale=language)
    merged = Catalog(locale=language, charset="utf-8", fuzzy=False, header_comment=f"# {language}")
    for message in sorted(own(package), key=_place):
        before = known.get(message.id)
        words = before.string if before is not None else None
        merged.add(message.id, words, locations=message.locations[:1])
    return merged


def _place(message: Message) -> tuple[str, str]:
    """By its file, and by itself: a line that moves changes nothing."""
    return message.locations[0][0] if message.locations else "", forms(message.id)[0]


def as_po(catalogue: Catalog) -> bytes:
    written = io.BytesIO()
    write_po(written, catalogue, width=110, omit_header=True, include_lineno=False)
    plural = f'"Plural-Forms: {catalogue.plural_forms}\\n"'
    head = f'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n{plural}\n\n'
    return head.encode() + written.getvalue()


def as_mo(catalogue: Catalog) -> bytes:
    catalogue.creation_date = catalogue.revision_date = BEGINNING  # the same words are the same file
    written = io.BytesIO()
    write_mo(written, catalogue)
    return written.getvalue()


def main() -> None:
    for package in filter(has_messages, PACKAGES):
        for language in LANGUAGES:
            path, catalogue = catalogue_of(package, language), updated(package, language)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(as_po(catalogue))
            path.with_suffix(".mo").write_bytes(as_mo(read_po(io.BytesIO(as_po(catalogue)), locale=language)))
            left = sum(1 for message in catalogue if message.id and not all(forms(message.string)))
            print(f"{path.relative_to(ROOT)}: {len(catalogue)} messages, {left} without a translation")


def forms(words: Iterable[str] | str | None) -> tuple[str, ...]:
    """A message in one form, or in all its plurals."""
    return (words,) if isinstance(words, str) else tuple(words or ("",))


if __name__ == "__main__":
    main()
