"""Which language is read: by the host's word, by the browser's, or by what is remembered for mails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

from babel import Locale
from flask import current_app, has_request_context, request

#: The language of the code, of operators, and of programs.
ENGLISH = "en"

#: The languages of Stripe's own pages, but English. https://docs.stripe.com/js/appendix/supported_locales
OF_STRIPE = frozenset(
    """
    en bg cs da de el en-GB es es-419 et fi fil fr fr-CA hr hu id it ja ko lt lv ms mt nb nl pl pt pt-BR ro
    ru sk sl sv th tr vi zh zh-HK zh-TW
    """.split()  # noqa: SIM905
)

#: Where a request keeps the language that it was found to be in.
_KEPT = "prepaid.language"

_written_in: ContextVar[str | None] = ContextVar("prepaid_language", default=None)


def current() -> str:
    """The language of whoever reads what is written now: a code such as ``de`` or ``pt-BR``."""
    chosen = _written_in.get()
    if chosen is not None:
        return chosen
    return ENGLISH if not has_request_context() or _reads_english() else of_reader()


@contextmanager
def written_in(language: str) -> Iterator[None]:
    """Write in this language, whoever asks: a mail, in that of its reader."""
    before = _written_in.set(language)
    try:
        yield
    finally:
        _written_in.reset(before)


def of_reader() -> str:
    """The language of this request's customer: what the host says, else what the browser asks for first.

    English outside of a request, and where the app has no ``Prepaid``.
    """
    prepaid = current_app.extensions.get("prepaid") if has_request_context() else None
    if prepaid is None:
        return ENGLISH
    offered: tuple[str, ...] = prepaid.config.languages
    if len(offered) == 1:
        return offered[0]
    kept: str | None = request.environ.get(_KEPT)
    if kept is None:
        kept = prepaid.language_of(prepaid.current_owner())
        kept = kept or request.accept_languages.best_match(offered) or offered[0]
        request.environ[_KEPT] = kept
    return kept


def forget() -> None:
    """Find it anew in this request, in which the customer has chosen another language."""
    request.environ.pop(_KEPT, None)


def to_remember() -> str | None:
    """The language of this request's customer, for mails; ``None`` where there is no choice."""
    prepaid = current_app.extensions.get("prepaid") if has_request_context() else None
    return of_reader() if prepaid is not None and len(prepaid.config.languages) > 1 else None


def of_stripes_page() -> str | None:
    """The language that Stripe's page is asked for in this request; ``None`` leaves it to the browser's."""
    language = to_remember()
    if language is None:
        return None
    return next((name for name in (language, language.partition("-")[0]) if name in OF_STRIPE), None)


def _reads_english() -> bool:
    """Whether this request is a program's, or an operator's."""
    if (request.endpoint or "").startswith("prepaid.operator"):
        return True
    accepts = request.accept_mimetypes
    return request.is_json or not accepts or accepts["application/json"] >= accepts["text/html"]


def locale() -> Locale:
    """How numbers and dates are written in the current language."""
    return locale_of(current())


@cache
def locale_of(language: str) -> Locale:
    """What Babel knows of a language.

    :raises UnknownLocaleError: Babel knows none of this code.
    """
    return Locale.parse(language, sep="-")
