"""The messages: English sentences in the code, in other languages by the catalogues of gettext.

A catalogue is ``translations/de/LC_MESSAGES/flask_prepaid.mo``. Folders of the host's
(``PREPAID_TRANSLATIONS``) go before ours, message by message, and add languages. ``python -m
tools.translations`` writes ours.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from babel.numbers import format_decimal
from babel.support import Translations
from flask import current_app
from jinja2 import pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup

from .choice import ENGLISH, current, locale, locale_of

DOMAIN = "flask_prepaid"
SHIPPED = Path(__file__).parent.parent / "translations"


def marked(message: str) -> str:
    """A message for the catalogues that is translated where it is shown."""
    return message


def marked_plural(singular: str, plural: str) -> tuple[str, str]:
    """The two forms of a message that is translated where it is shown."""
    return singular, plural


def gettext(message: str, **values: object) -> str:
    """The message in the current language, with ``values`` in place of each ``%(name)s``."""
    words = catalogue(current(), _folders()).ugettext(message) if message else ""
    return words % values if values else words


def ngettext(singular: str, plural: str, count: int, **values: object) -> str:
    """The message for so many; ``%(count)s`` in it is the number, unless ``values`` has a ``count``."""
    words = catalogue(current(), _folders()).ungettext(singular, plural, count)
    return words % {"count": format_decimal(count, locale=locale()), **values}


@pass_eval_context
def gettext_in_page(page: EvalContext, message: str, **values: object) -> str:
    """``prepaid_text`` of templates: in HTML the message may have tags, and what stands in it is escaped."""
    words = gettext(message)
    if page.autoescape:
        words = Markup(words)  # noqa: S704  # a message of the code's, never a value
    return words % values if values else words


@pass_eval_context
def ngettext_in_page(page: EvalContext, singular: str, plural: str, count: int, **values: object) -> str:
    """``prepaid_plural`` of templates, as ``prepaid_text``."""
    words = catalogue(current(), _folders()).ungettext(singular, plural, count)
    if page.autoescape:
        words = Markup(words)  # noqa: S704  # a message of the code's, never a value
    return words % {"count": format_decimal(count, locale=locale()), **values}


def _folders() -> tuple[Path, ...]:
    prepaid = current_app.extensions.get("prepaid") if current_app else None
    return () if prepaid is None else prepaid.config.translations


@cache
def catalogue(language: str, folders: tuple[Path, ...] = ()) -> Translations:
    """All messages of a language; those of a later folder take the place of the same in an earlier one."""
    merged = Translations()
    for folder in (SHIPPED, *folders):
        for name in _names(language):
            loaded = Translations.load(folder, [name], DOMAIN)
            if isinstance(loaded, Translations):
                _merge(merged, loaded)
    return merged


def _names(language: str) -> tuple[str, ...]:
    """The folders that a language's messages lie in: ``pt`` and ``pt_BR`` of ``pt-BR``."""
    return tuple(dict.fromkeys((language.partition("-")[0], language.replace("-", "_"))))


def has_words(folder: Path, language: str) -> bool:
    """Whether a folder of the host's has a catalogue of the language."""
    return any((folder / name / "LC_MESSAGES" / f"{DOMAIN}.mo").is_file() for name in _names(language))


def _merge(merged: Translations, loaded: Translations) -> None:
    """Take over messages, and the rule of plurals, which an empty catalogue lacks."""
    merged.merge(loaded)
    merged.plural = loaded.plural


def has_catalogue(language: str, folders: tuple[Path, ...]) -> bool:
    """Whether anybody has translated messages into it. English needs no catalogue."""
    files: list[str] = catalogue(language, folders).files
    return locale_of(language).language == ENGLISH or bool(files)
