"""A payment link: whoever follows it gets a Checkout page of their own."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from stripe_emulator.checkout.sessions import payment_links
from stripe_emulator.core.errors import StripeError
from stripe_emulator.pages.common import problem
from stripe_emulator.pages.common.account import storage

pages = Blueprint("payment_link", __name__)
pages.register_error_handler(StripeError, problem.page)


@pages.get("/buy/<token>")
def buy(token: str) -> ResponseReturnValue:
    """On to a new session's page, or why nobody can buy by this link any more."""
    with storage().transaction():
        link = payment_links.by_token(token)
        if not payment_links.is_open(link):
            return render_template("hosted/link_closed.html", message=link["inactive_message"]), 410
        session = payment_links.open_session(link, request.args)
        return redirect(session["url"], 303)
