"""Where the customer's pages and the webhook are. Their URLs are settings."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint

from . import webhook
from .pages import alerts, billing, cards, codes, endpoints, keys, limits, top_up
from .pages.buying import buy, own_page, results
from .pages.plans import begin, change

POST = ["POST"]
BOTH = ["GET", "POST"]


def add_to(pages: Blueprint, paths: Mapping[str, str]) -> None:
    """Put the pages at ``paths``."""
    pages.add_url_rule(paths["buy"], "buy", buy.buy, methods=BOTH)
    pages.add_url_rule(paths["custom"], "custom", own_page.custom, methods=BOTH)
    pages.add_url_rule(paths["return"], "return", results.come_back)
    pages.add_url_rule(paths["confirm"], "confirm", results.confirm, methods=POST)
    pages.add_url_rule(f"{paths['invoice']}/<payment>", "invoice", results.invoice)

    pages.add_url_rule(paths["billing"], "billing", billing.billing, methods=BOTH)

    pages.add_url_rule(paths["cards"], "cards", cards.listing)
    pages.add_url_rule(f"{paths['cards']}/add", "add_card", cards.add, methods=POST)
    pages.add_url_rule(f"{paths['cards']}/top-up", "top_up", top_up.top_up, methods=POST)
    pages.add_url_rule(f"{paths['cards']}/<card_id>", "card", cards.edit, methods=BOTH)
    pages.add_url_rule(f"{paths['cards']}/<card_id>/default", "choose_card", cards.choose, methods=POST)
    pages.add_url_rule(f"{paths['cards']}/<card_id>/remove", "remove_card", cards.remove, methods=POST)

    pages.add_url_rule(paths["plan"], "plan", begin.plan, methods=BOTH)
    pages.add_url_rule(f"{paths['plan']}/custom", "custom_plan", begin.custom, methods=BOTH)
    pages.add_url_rule(f"{paths['plan']}/change", "change_plan", change.change, methods=BOTH)
    pages.add_url_rule(f"{paths['plan']}/cancel", "cancel_plan", change.cancel, methods=BOTH)
    pages.add_url_rule(f"{paths['plan']}/keep", "keep_plan", change.keep, methods=POST)
    pages.add_url_rule(f"{paths['plan']}/pause", "pause_plan", change.pause, methods=POST)
    pages.add_url_rule(f"{paths['plan']}/resume", "resume_plan", change.resume, methods=POST)
    pages.add_url_rule(f"{paths['plan']}/card", "plan_card", change.use_card, methods=POST)

    pages.add_url_rule(paths["redeem"], "redeem", codes.redeem, methods=BOTH)

    pages.add_url_rule(paths["alerts"], "alerts", alerts.listing)
    pages.add_url_rule(paths["alerts"], "set_alert", alerts.put, methods=POST)
    pages.add_url_rule(f"{paths['alerts']}/<alert_id>/remove", "remove_alert", alerts.remove, methods=POST)

    add_endpoints_to(pages, paths["endpoints"])

    pages.add_url_rule(paths["webhook"], "webhook", webhook.webhook, methods=POST)


def add_endpoints_to(pages: Blueprint, path: str) -> None:
    """Put the pages of customers' webhooks at ``path``."""
    pages.add_url_rule(path, "endpoints", endpoints.listing)
    pages.add_url_rule(path, "add_endpoint", endpoints.add, methods=POST)
    pages.add_url_rule(f"{path}/<endpoint_id>", "endpoint", endpoints.endpoint)
    for name, view in (
        ("secret", endpoints.reveal),
        ("rotate", endpoints.rotate),
        ("switch", endpoints.switch),
        ("remove", endpoints.remove),
        ("test", endpoints.test),
        ("again", endpoints.again),
    ):
        pages.add_url_rule(f"{path}/<endpoint_id>/{name}", f"endpoint_{name}", view, methods=POST)


def add_keys_to(pages: Blueprint, path: str) -> None:
    """Put the pages of API keys at ``path``, for a host that has keys."""
    pages.add_url_rule(path, "keys", keys.listing)
    pages.add_url_rule(path, "make_key", keys.make, methods=POST)
    pages.add_url_rule(f"{path}/limits", "limits", limits.limits, methods=BOTH)
    pages.add_url_rule(f"{path}/<key_id>/revoke", "revoke_key", keys.revoke, methods=POST)
