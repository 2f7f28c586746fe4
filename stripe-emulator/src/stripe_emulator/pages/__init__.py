"""What people see: Checkout, the bank's challenge, the dashboard; and the JSON controls beside them.

Plain HTML that works without JavaScript. A page is a blueprint in a file of its own, listed here.
"""

from __future__ import annotations

from flask import Flask, Response

from stripe_emulator import money
from stripe_emulator.pages import challenge, checkout, controls, dashboard

BLUEPRINTS = (checkout.pages, challenge.pages, dashboard.pages, controls.pages)

#: No script of ours is inline; a form may lead on to the host's site, whatever its origin.
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data: https:; connect-src 'self';"
    " form-action 'self' http: https:; base-uri 'none'; frame-ancestors *"
)


def register(app: Flask) -> None:
    """Serve the pages, with how money and times are written on them."""
    app.add_template_filter(lambda amount, code: money.text(amount, code), "money")
    app.add_template_filter(dashboard.moment, "moment")
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
