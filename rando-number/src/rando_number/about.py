"""Who stands behind the shop, and on what terms: pages to read."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, Flask, current_app, render_template
from flask.typing import ResponseReturnValue

from flask_prepaid.languages.words import marked

blueprint = Blueprint("about", __name__)

#: What the shop is, for search engines and for whoever gets a link to it.
DESCRIPTION = marked(
    "Random numbers by the call. Pay once, no subscription needed, the first three are free."
)


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
