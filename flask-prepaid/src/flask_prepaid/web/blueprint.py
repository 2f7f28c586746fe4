"""Where the pages are put together: their templates, and the guards and errors of each request."""

from __future__ import annotations

from flask import Blueprint, Flask, Response, request
from jinja2 import ChoiceLoader, FileSystemLoader, PrefixLoader
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from prepaid_ledger.errors import PrepaidError

from . import csrf, errors, filters
from .page import keep_to_payers
from .replaced import SHIPPED


def create() -> Blueprint:
    """Without any page yet. A host's template of the same name goes first."""
    pages = Blueprint(
        "prepaid",
        "flask_prepaid",
        static_folder="static",
        static_url_path="/prepaid/static",
    )
    # By the name flask_prepaid/buy.html a host's prepaid/buy.html can extend the page whose place it takes.
    originals = PrefixLoader({"flask_prepaid": FileSystemLoader(SHIPPED / "prepaid")})
    pages.jinja_loader = ChoiceLoader([FileSystemLoader(SHIPPED), originals])
    pages.url_value_preprocessor(csrf.let_in)
    pages.before_request(keep_to_payers)
    pages.before_request(csrf.protect)
    pages.after_request(keep_to_its_owner)
    for away in (DBAPIError, NoConnectionFree):
        pages.register_error_handler(away, errors.answer_database)
    return pages


def register(app: Flask, pages: Blueprint) -> None:
    """Put the pages into ``app``, with the answers to errors and the filters of the templates."""
    app.register_blueprint(pages)
    app.register_error_handler(PrepaidError, errors.answer)
    filters.add_to(app.jinja_env)


def keep_to_its_owner(response: Response) -> Response:
    """A page about somebody's money is kept by no cache, and its form is new after the back button."""
    if request.endpoint != "prepaid.static":
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault("Referrer-Policy", "same-origin")
    return response
