"""Who stands behind the shop, and on what terms: pages to read, and what browsers and crawlers ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Flask, Response, current_app, render_template, send_from_directory
from flask.typing import ResponseReturnValue

from flask_prepaid.languages.words import marked

blueprint = Blueprint("about", __name__)

#: What the shop is, for search engines and for whoever gets a link to it.
DESCRIPTION = marked(
    "Random numbers by the call. Pay once, no subscription needed, the first three are free."
)

#: What crawlers have no use for: pages of one customer, and those of operators.
NOT_CRAWLED = ("/admin", "/api/", "/billing", "/buy-credits", "/cards", "/mails", "/subscription", "/usage")


@dataclass(frozen=True)
class About:
    """Who sells here, as the settings say. An empty text is not set.

    :param seller: The name of the person or company, in ``RANDO_SELLER``.
    :param address: Where they are, in ``RANDO_ADDRESS``.
    :param contact: A mail address, in ``RANDO_CONTACT``.
    :param mails: Whether mails are kept and shown, as in test mode without a mail server.
    :param emulator: Where the dashboard of the Stripe emulator is, if it stands in for Stripe.
    """

    seller: str
    address: str
    contact: str
    base_url: str
    mails: bool
    emulator: str
    description: str = DESCRIPTION


def init_app(app: Flask) -> None:
    settings = app.config
    app.jinja_env.globals["about"] = About(
        settings["SELLER"],
        settings["SELLER_ADDRESS"],
        settings["CONTACT"],
        settings["BASE_URL"],
        mails=settings["TEST_MODE"] and settings["MAIL_BACKEND"] == "file",
        emulator=settings["PREPAID_STRIPE_API_BASE"] or "",
    )
    app.register_blueprint(blueprint)


@blueprint.get("/contact")
def contact() -> ResponseReturnValue:
    return render_template("about/contact.html")


@blueprint.get("/terms")
def terms() -> ResponseReturnValue:
    return render_template("about/terms.html")


@blueprint.get("/privacy")
def privacy() -> ResponseReturnValue:
    return render_template(
        "about/privacy.html",
        session_name=current_app.config["SESSION_COOKIE_NAME"],
        session_days=current_app.config["PERMANENT_SESSION_LIFETIME"].days,
    )


@blueprint.get("/refunds")
def refunds() -> ResponseReturnValue:
    return render_template("about/refunds.html")


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
