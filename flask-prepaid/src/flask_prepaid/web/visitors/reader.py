"""In which language a request is answered: the host's word for its customer, else the browser's."""

from __future__ import annotations

from collections.abc import Iterable

from flask import has_request_context, request
from sqlalchemy.exc import SQLAlchemyError

from ...languages.choice import ENGLISH
from ..page import PageContext
from ..programs import wants_json

#: Where a request keeps its customer's language, and the one that each word of its answer asks for.
_KEPT = "prepaid.language"
_KEPT_FOR_ANSWER = "prepaid.language_of_answer"


def current(context: PageContext) -> str:
    """The language that this request is answered in. Programs, operators and commands read English."""
    if not has_request_context():
        return ENGLISH
    kept: str | None = request.environ.get(_KEPT_FOR_ANSWER)
    if kept is None:
        kept = ENGLISH if _reads_english() else of_customer(context) or context.config.languages[0]
        request.environ[_KEPT_FOR_ANSWER] = kept
    return kept


def of_customer(context: PageContext) -> str | None:
    """The language of this request's customer; ``None`` in a command, or where one is offered."""
    offered = context.config.languages
    if not has_request_context() or len(offered) == 1:
        return None
    kept: str | None = request.environ.get(_KEPT)
    if kept is None:
        kept = _chosen(context) or wanted_first(request.accept_languages, offered) or offered[0]
        request.environ[_KEPT] = kept
    return kept


def _chosen(context: PageContext) -> str | None:
    """What the host says of its customer; nothing where the database is away, and an error is written."""
    try:
        return context.language_of(context.current_owner())
    except SQLAlchemyError:
        return None


def wanted_first(wanted: Iterable[tuple[str, float]], offered: tuple[str, ...]) -> str | None:
    """The language that a browser names first of those offered; ``de`` serves who wants ``de-AT``."""
    by_code = {language.lower(): language for language in offered}
    for code, quality in wanted:
        language = code.lower().partition("-")[0]
        near = [name for name in by_code if name.partition("-")[0] == language]
        for name in (code.lower(), language, *near):
            if quality and name in by_code:
                return by_code[name]
    return None


def _reads_english() -> bool:
    """Whether this request is a program's, or an operator's."""
    return (request.endpoint or "").startswith("prepaid.operator") or wants_json()
