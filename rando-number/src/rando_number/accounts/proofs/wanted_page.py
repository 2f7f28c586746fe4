"""The page that somebody wanted who first follows the link of a mail, which leads on to it.

By the link an address is confirmed, or a new password set. It carries the page, for it may be opened in
another browser. This browser keeps it, too: for a link that is asked for again, and for one that was sent
before the page was wanted.
"""

from __future__ import annotations

from typing import Any

from flask import Flask, has_request_context, request, session, url_for

from ...callers import way_back

#: Session key: the page, by its path and query.
WANTED = "wanted_page"

#: What is longer leads home: the session's cookie has to hold it.
MAX_LENGTH = 500

#: The views that a link of a mail leads to, and on from.
LEAD_ON = ("security.confirm_email", "security.reset_password")


def init_app(app: Flask) -> None:
    app.url_defaults(lead_on)
    app.before_request(remember_at_reset)


def remember_at_reset() -> None:
    """Keep the page that somebody wants who has forgotten the password."""
    if request.endpoint == "security.forgot_password" and "next" in request.form:
        remember(request.form["next"])


def remember(path: str | None) -> None:
    """Keep the page that this browser wants now, in place of an earlier one."""
    session.pop(WANTED, None)
    if path and is_ours(path):
        session[WANTED] = path


def lead_on(endpoint: str, values: dict[str, Any]) -> None:
    """Put the page into the links of mails."""
    if endpoint in LEAD_ON and has_request_context():
        values.setdefault("next", session.get(WANTED))


def take() -> str:
    """Where to go after the confirmation; the home page where no page was wanted. It is kept no longer."""
    return take_if_any() or url_for("pages.home")


def take_if_any() -> str | None:
    """The page that was wanted, if one was. It is kept no longer."""
    of_link = request.values.get("next", "")
    kept: str | None = session.pop(WANTED, None)
    return kept or (of_link if of_link and is_ours(of_link) else None)


def is_ours(path: str) -> bool:
    return len(path) <= MAX_LENGTH and way_back(path) == path
