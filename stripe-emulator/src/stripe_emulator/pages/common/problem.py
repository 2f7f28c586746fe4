"""A refusal as a page: what customers see of a link that leads nowhere."""

from __future__ import annotations

from flask import render_template
from flask.typing import ResponseReturnValue

from stripe_emulator.core.errors import NotFound, StripeError


def page(error: StripeError) -> ResponseReturnValue:
    """The error handler of every page that customers see; programs get Stripe's envelope instead."""
    missing = isinstance(error, NotFound)
    return render_template("hosted/problem.html", error=error, missing=missing), error.status
