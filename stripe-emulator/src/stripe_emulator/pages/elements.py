"""stripe.js and what it calls: the Payment Element's frame, and a Checkout Session for one's own page."""

from __future__ import annotations

from flask import Blueprint, Response, render_template
from flask.typing import ResponseReturnValue

pages = Blueprint(
    "elements", __name__, template_folder="templates", static_folder="static/js", static_url_path="/js"
)


@pages.get("/js/elements/payment")
def payment_element() -> ResponseReturnValue:
    """The Payment Element: fields for a card, in a frame of the emulator's origin."""
    return render_template("hosted/element.html")


@pages.after_request
def for_any_page(response: Response) -> Response:
    """Any host's page may load the script and call what it calls; nothing here goes by cookies."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response
