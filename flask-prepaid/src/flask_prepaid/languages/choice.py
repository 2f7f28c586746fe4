"""Which language is written: that of a mail's reader, or what the running app says of its request."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

from babel import Locale
from flask import current_app, has_app_context

#: The language of the code, of operators, and of programs.
ENGLISH = "en"

#: The languages of Stripe's own pages, but English. https://docs.stripe.com/js/appendix/supported_locales
OF_STRIPE = frozenset(
    """
    en bg cs da de el en-GB es es-419 et fi fil fr fr-CA hr hu id it ja ko lt lv ms mt nb nl pl pt pt-BR ro
    ru sk sl sv th tr vi zh zh-HK zh-TW
    """.split()  # noqa: SIM905
)

_written_in: ContextVar[str | None] = ContextVar("prepaid_language", default=None)


def current() -> str:
    """The language of whoever reads what is written now: a code such as ``de`` or ``pt-BR``."""
    chosen = _written_in.get()
    if chosen is None:
        prepaid = _prepaid()
        chosen = ENGLISH if prepaid is None else prepaid.current_language
    return chosen


@contextmanager
def written_in(language: str) -> Iterator[None]:
    """Write in this language, whoever asks: a mail, in that of its reader."""
    before = _written_in.set(language)
    try:
        yield
    finally:
        _written_in.reset(before)


def of_reader() -> str | None:
    """The language of this request's customer, where several are offered; ``None`` in a command."""
    prepaid = _prepaid()
    return None if prepaid is None else prepaid.reader_language


def of_stripes_page() -> str | None:
    """The language that Stripe's page is asked for in this request; ``None`` leaves it to the browser's."""
    language = of_reader()
    if language is None:
        return None
    return next((name for name in (language, language.partition("-")[0]) if name in OF_STRIPE), None)


def _prepaid() -> Any:
    """What the running app has of this extension; ``None`` where no app runs."""
    return current_app.extensions.get("prepaid") if has_app_context() else None


def locale() -> Locale:
    """How numbers and dates are written in the current language."""
    return locale_of(current())


@cache
def locale_of(language: str) -> Locale:
    """What Babel knows of a language.

    :raises UnknownLocaleError: Babel knows none of this code.
    """
    return Locale.parse(language, sep="-")
