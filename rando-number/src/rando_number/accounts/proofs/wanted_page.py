"""The page that somebody wanted who has to confirm an address first: the link of the mail leads on to it.

The link carries it, for it may be opened in another browser. This browser keeps it, too: for a link that is
asked for again, and for one that was sent before the page was wanted.
"""

from __future__ import annotations

from typing import Any

from flask import Flask, has_request_context, request, session, url_for

from ...callers import way_back

#: Session key: the page, by its path and query.
WANTED = "wanted_page"

#: What is longer leads home: the session's cookie has to hold it.
MAX_LENGTH = 500


def init_app(app: Flask) -> None:
    app.url_defaults(lead_on)


def remember(path: str | None) -> None:
    """Keep the page that this browser wants now, in place of an earlier one."""
    session.pop(WANTED, None)
    if path and is_ours(path):
        session[WANTED] = path


def lead_on(endpoint: str, values: dict[str, Any]) -> None:
    """Put the page into the links that confirm an address."""
    if endpoint == "security.confirm_email" and has_request_context():
        values.setdefault("next", session.get(WANTED))


def take() -> str:
    """Where to go after the confirmation; the home page where no page was wanted. It is kept no longer."""
    of_link = request.values.get("next", "")
    return session.pop(WANTED, None) or (of_link if is_ours(of_link) else url_for("pages.home"))


def is_ours(path: str) -> bool:
    return len(path) <= MAX_LENGTH and way_back(path) == path
