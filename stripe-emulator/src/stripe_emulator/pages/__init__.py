"""What people see: Checkout, the bank's challenge, the portal, invoices, the dashboard; and stripe.js.

Plain HTML that works without JavaScript. A page is a blueprint in a file of its own, listed here.
Imports ``pages/dashboard`` and what lies below it.
"""

from __future__ import annotations

from flask import Blueprint, Flask, Response

from stripe_emulator.core import money
from stripe_emulator.pages import controls, dashboard
from stripe_emulator.pages.checkout import challenge, checkout, payment_link
from stripe_emulator.pages.common import describe
from stripe_emulator.pages.papers import files, invoice, invoice_pdf, payment_papers
from stripe_emulator.pages.portal import portal, portal_flow
from stripe_emulator.pages.stripe_js import stripe_js
from stripe_emulator.payments.account import account

#: Templates, styles, scripts and fonts; the hosted pages need them, whatever their host is called.
FILES = Blueprint(
    "page_files",
    __name__,
    template_folder="templates",
    static_folder="static",
    static_url_path="/_emulator/static",
)

BLUEPRINTS = (
    FILES,
    checkout.pages,
    payment_link.pages,
    challenge.pages,
    invoice.pages,
    payment_papers.pages,
    portal.pages,
    portal_flow.pages,
    files.pages,
    stripe_js.pages,
    controls.pages,
    *dashboard.BLUEPRINTS,
)

#: No script of ours is inline; a form may lead on to the host's site, whatever its origin.
POLICY = (
    "default-src 'none'; style-src 'self'; font-src 'self'; script-src 'self'; img-src 'self' data: https:;"
    " connect-src 'self'; form-action 'self' http: https:; base-uri 'none'; frame-ancestors *"
)

#: How templates write things: ``{{ invoice.total | money(invoice.currency) }}``.
FILTERS = {
    "money": money.text,
    "moment": describe.moment,
    "local": describe.local,
    "day": describe.day,
    "amount": describe.amount,
    "short": describe.short,
    "short_path": describe.short_path,
    "took": describe.took,
    "answered": describe.answered,
    "name": describe.name,
    "brand": describe.brand,
    "status": describe.status,
    "pill": describe.pill,
    "words": describe.words,
    "kind": describe.kind,
    "pretty": describe.pretty,
    "breakable": describe.breakable,
    "recurring": describe.recurring,
    "each": invoice_pdf.each,
    "is_reversed": invoice_pdf.is_reversed,
    "sums": invoice_pdf.sums,
}


def register(app: Flask) -> None:
    """Serve the pages."""
    app.jinja_env.filters.update(FILTERS)
    app.jinja_env.globals["shop_name"] = account.name
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    app.after_request(_headers)


def _headers(response: Response) -> Response:
    if response.mimetype == "text/html":
        response.headers.setdefault("Content-Security-Policy", POLICY)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", "no-referrer")
        response.headers.setdefault("Cache-Control", "no-store")
    return response
