"""The pages that every host needs. Their URLs are settings, their templates can be replaced."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Flask, Response, request
from jinja2 import ChoiceLoader, FileSystemLoader, PrefixLoader

from prepaid_ledger.errors import PrepaidError

from .. import money
from . import buying, cards, csrf, custom, errors, plans, webhook
from .operator import routes


def register(app: Flask, paths: dict[str, str]) -> None:
    """Put the pages into ``app`` at ``paths``."""
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
    pages.add_url_rule(paths["buy"], "buy", buying.buy, methods=["GET", "POST"])
    pages.add_url_rule(paths["return"], "return", buying.come_back)
    pages.add_url_rule(paths["custom"], "custom", custom.custom, methods=["GET", "POST"])
    pages.add_url_rule(paths["confirm"], "confirm", buying.confirm, methods=["POST"])
    pages.add_url_rule(f"{paths['invoice']}/<payment>", "invoice", buying.invoice)
    pages.add_url_rule(paths["cards"], "cards", cards.listing)
    pages.add_url_rule(f"{paths['cards']}/add", "add_card", cards.add, methods=["POST"])
    pages.add_url_rule(f"{paths['cards']}/top-up", "top_up", cards.top_up, methods=["POST"])
    one_card = f"{paths['cards']}/<card_id>"
    pages.add_url_rule(one_card, "card", cards.edit, methods=["GET", "POST"])
    pages.add_url_rule(f"{one_card}/default", "choose_card", cards.choose, methods=["POST"])
    pages.add_url_rule(f"{one_card}/remove", "remove_card", cards.remove, methods=["POST"])
    pages.add_url_rule(paths["plan"], "plan", plans.plan, methods=["GET", "POST"])
    pages.add_url_rule(f"{paths['plan']}/custom", "custom_plan", plans.custom, methods=["GET", "POST"])
    pages.add_url_rule(f"{paths['plan']}/change", "change_plan", plans.change, methods=["GET", "POST"])
    pages.add_url_rule(f"{paths['plan']}/cancel", "cancel_plan", plans.cancel, methods=["GET", "POST"])
    pages.add_url_rule(f"{paths['plan']}/keep", "keep_plan", plans.keep, methods=["POST"])
    pages.add_url_rule(f"{paths['plan']}/pause", "pause_plan", plans.pause, methods=["POST"])
    pages.add_url_rule(f"{paths['plan']}/resume", "resume_plan", plans.resume, methods=["POST"])
    pages.add_url_rule(f"{paths['plan']}/card", "plan_card", plans.use_card, methods=["POST"])
    routes.add_to(pages, paths["operator"])
    pages.add_url_rule(paths["webhook"], "webhook", webhook.webhook, methods=["POST"])
    pages.url_value_preprocessor(csrf.let_stripe_in)
    pages.before_request(csrf.protect)
    pages.after_request(keep_to_its_owner)
    app.register_blueprint(pages)
    app.register_error_handler(PrepaidError, errors.answer)
    app.jinja_env.filters["prepaid_money"] = money.show
    app.jinja_env.filters["prepaid_date"] = plans.day


def keep_to_its_owner(response: Response) -> Response:
    """A page about somebody's money is kept by no cache, and its form is new after the back button."""
    if request.endpoint != "prepaid.static":
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault("Referrer-Policy", "same-origin")
    return response
