"""Whether a program asks, or a browser: by a call of the JSON API, or by the answer that is wanted."""

from __future__ import annotations

from flask import request

#: How the endpoints of the JSON API begin, in our blueprint.
API = "api_"


def is_api() -> bool:
    """Whether this request is a call of the JSON API."""
    return (request.endpoint or "").startswith(f"prepaid.{API}")


def wants_json() -> bool:
    """A browser asks for HTML by its name. All others are programs, with JSON or without a word of it."""
    accepts = request.accept_mimetypes
    return is_api() or request.is_json or not accepts or accepts["application/json"] >= accepts["text/html"]
