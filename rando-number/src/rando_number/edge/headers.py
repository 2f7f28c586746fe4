"""The headers of every answer, errors and files too: no page can be framed by others, sniffed or scripted."""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, g, request

from .files import cache_control, is_file

#: Where Stripe's own pages are.
STRIPE_PAGES = "https://checkout.stripe.com https://billing.stripe.com"

#: What Stripe's elements need where they stand in a page: https://docs.stripe.com/security/guide
STRIPE_ELEMENTS = {
    "script-src": "https://js.stripe.com https://*.js.stripe.com",
    "frame-src": "https://js.stripe.com https://*.js.stripe.com https://hooks.stripe.com",
    "connect-src": "https://api.stripe.com",
}

#: The pages with a card form on them.
CARD_FORMS = {"prepaid.custom", "prepaid.custom_plan", "prepaid.add_card"}

#: A mail as its reader sees it, and the page that shows it in a frame.
FRAMED, FRAMES = "prepaid.operator_mail", "prepaid.operator_mails"

#: The policy of an answer that is not a page.
NO_PAGE = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'"

NOT_KEPT = "no-store, private"


def init_app(app: Flask) -> None:
    app.before_request(name_request)
    app.after_request(harden)
    app.jinja_env.globals["csp_nonce"] = csp_nonce


def name_request() -> None:
    """Give each request a name that an error page shows and the log repeats."""
    g.request_id = new_request_id()


def new_request_id() -> str:
    return secrets.token_hex(8)


def csp_nonce() -> str:
    """The nonce of this answer; a script or style that carries it may run."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    nonce: str = g.csp_nonce
    return nonce


def harden(response: Response) -> Response:
    """Add our headers to an answer."""
    headers = response.headers
    if "Content-Security-Policy" not in headers:
        headers["Content-Security-Policy"] = policy()
    headers.update(on_every_answer(current_app))
    if request.endpoint == FRAMED:
        headers["X-Frame-Options"] = "SAMEORIGIN"
    headers["X-Request-Id"] = g.get("request_id", "")
    if request.endpoint in ("security.logout", "sign_ins.end_all", "closing.close"):
        headers["Clear-Site-Data"] = '"cache", "storage"'
    headers["Cache-Control"] = cache_control() if is_file(response) else NOT_KEPT
    return response


def on_every_answer(app: Flask) -> dict[str, str]:
    """The headers that do not depend on the request."""
    headers = {
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        # Not no-referrer: Flask-WTF checks the Referer of a form that comes over https.
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    }
    if app.config["SESSION_COOKIE_SECURE"]:
        headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    return headers


def policy() -> str:
    """The policy of a page: nothing inline, nothing from elsewhere; a form may lead to Stripe's page."""
    nonce = f"'nonce-{csp_nonce()}'"
    rules = {
        "default-src": "'none'",
        "script-src": f"'self' {nonce}",
        "style-src": f"'self' {nonce}",
        "img-src": "'self' data:",
        "font-src": "'self'",
        "connect-src": "'self'",
        "form-action": f"'self' {stripe_pages()}",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
        "object-src": "'none'",
    }
    if request.endpoint in CARD_FORMS:
        for name, theirs in STRIPE_ELEMENTS.items():
            rules[name] = f"{rules.get(name, '')} {emulator() or theirs}".strip()
    if request.endpoint == FRAMES:
        rules["frame-src"] = "'self'"
    return "; ".join(f"{name} {sources}" for name, sources in rules.items())


def stripe_pages() -> str:
    return emulator() or STRIPE_PAGES


def emulator() -> str | None:
    """The origin that stands in for all of Stripe's, if one does."""
    base = current_app.config["PREPAID_STRIPE_API_BASE"]
    parts = urlsplit(base or "")
    return f"{parts.scheme}://{parts.netloc}" if base else None
