"""What browsers and crawlers ask for by themselves."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, current_app, send_from_directory

blueprint = Blueprint("crawlers", __name__)

#: What crawlers have no use for: pages of one customer, and those of operators.
NOT_CRAWLED = ("/admin", "/api/", "/billing", "/buy-credits", "/cards", "/mails", "/subscription", "/usage")


@blueprint.get("/robots.txt")
def robots() -> Response:
    """What crawlers may read. A shop in test mode is in no search engine."""
    closed = ["/"] if current_app.config["TEST_MODE"] else NOT_CRAWLED
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in closed)]
    return Response("\n".join(lines) + "\n", mimetype="text/plain")


@blueprint.get("/favicon.ico")
def favicon() -> Response:
    """For browsers that do not read the page's own icon."""
    return _file("favicon.ico")


@blueprint.get("/apple-touch-icon.png")
def touch_icon() -> Response:
    """For telephones that do not read the page's own icon."""
    return _file("touch.png")


def _file(name: str) -> Response:
    folder: Any = current_app.static_folder
    return send_from_directory(folder, name)
