"""Where the pages are put together: their templates, the guards of each request, and the app's filters."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from flask import Blueprint, Flask, Response, request
from jinja2 import ChoiceLoader, FileSystemLoader, PrefixLoader, pass_context
from jinja2.runtime import Context as Page
from markupsafe import Markup
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from prepaid_ledger.errors import PrepaidError

from .. import money
from ..payments.models import SavedCard
from . import csrf, errors
from .banners import banners


def create() -> Blueprint:
    """Without any page yet. A host's template of the same name goes first."""
    pages = Blueprint(
        "prepaid",
        "flask_prepaid",
        static_folder="static",
        static_url_path="/prepaid/static",
    )
    # By the name flask_prepaid/buy.html a host's prepaid/buy.html can extend the page whose place it takes.
    shipped = Path(__file__).parent.parent / "templates"
    originals = PrefixLoader({"flask_prepaid": FileSystemLoader(shipped / "prepaid")})
    pages.jinja_loader = ChoiceLoader([FileSystemLoader(shipped), originals])
    pages.url_value_preprocessor(csrf.let_in)
    pages.before_request(csrf.protect)
    pages.after_request(keep_to_its_owner)
    for away in (DBAPIError, NoConnectionFree):
        pages.register_error_handler(away, errors.answer_database)
    return pages


def register(app: Flask, pages: Blueprint) -> None:
    """Put the pages into ``app``, with the answers to errors and the filters of the templates."""
    app.register_blueprint(pages)
    app.register_error_handler(PrepaidError, errors.answer)
    app.jinja_env.filters["prepaid_money"] = money.show
    app.jinja_env.filters["prepaid_credits"] = money.credits
    app.jinja_env.filters["prepaid_number"] = money.number
    app.jinja_env.filters["prepaid_plain"] = money.plain
    app.jinja_env.filters["prepaid_unit"] = money.named
    app.jinja_env.filters["prepaid_each"] = money.each
    app.jinja_env.filters["prepaid_date"] = day
    app.jinja_env.filters["prepaid_time"] = minute
    app.jinja_env.filters["prepaid_card"] = card
    app.jinja_env.globals["prepaid_banners"] = banners


def keep_to_its_owner(response: Response) -> Response:
    """A page about somebody's money is kept by no cache, and its form is new after the back button."""
    if request.endpoint != "prepaid.static":
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault("Referrer-Policy", "same-origin")
    return response


def card(card: SavedCard) -> str:
    """A card in two words: ``Visa 4242``."""
    return f"{card.brand.capitalize()} {card.last4}"


@pass_context
def day(page: Page, at: datetime) -> str:
    """A day as people write it, ``23 November 2026``; in HTML for programs too, in a text plainly.

    It is that of UTC on pages, and that of the reader's zone in mails.
    """
    at = at.astimezone(_zone(page)) if "prepaid_zone" in page else at
    written = f"{at.day} {at:%B %Y}"
    if not page.eval_ctx.autoescape:  # a mail's .txt would show the tags
        return written
    return Markup('<time datetime="{:%Y-%m-%d}">{}</time>').format(at, written)


@pass_context
def minute(page: Page, at: datetime) -> str:
    """A time to the minute for a text, by the clocks of the reader's zone, which it names."""
    zone = _zone(page)
    local = at.astimezone(zone)
    return f"{local.day} {local:%B %Y, %H:%M} ({zone.key})"


def _zone(page: Page) -> ZoneInfo:
    """The zone of a mail's reader; that of pages is UTC."""
    return ZoneInfo(page.get("prepaid_zone", "UTC"))
