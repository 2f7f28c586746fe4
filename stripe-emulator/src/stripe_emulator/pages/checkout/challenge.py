"""The bank's page: the customer proves who they are, or does not."""

from __future__ import annotations

import hmac
from urllib.parse import urlencode

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from stripe_emulator.core.database import store
from stripe_emulator.core.errors import CardError, NotFound, StripeError
from stripe_emulator.core.types import Json
from stripe_emulator.pages.common import problem
from stripe_emulator.pages.common.account import storage
from stripe_emulator.payments.confirming import challenge_answers

pages = Blueprint("challenge", __name__)
pages.register_error_handler(StripeError, problem.page)


@pages.get("/challenge/<intent_id>")
def ask(intent_id: str) -> ResponseReturnValue:
    """Two buttons: complete, and fail."""
    with storage().transaction(write=False):
        intent = _intent(intent_id)
        if intent["status"] != "requires_action":
            return _leave(_back(intent))
        secret, framed = request.values["client_secret"], "framed" in request.values
        return render_template("hosted/challenge.html", intent=intent, secret=secret, framed=framed)


@pages.post("/challenge/<intent_id>")
def answer(intent_id: str) -> ResponseReturnValue:
    """Answer the bank, and go back to where the customer came from."""
    with storage().transaction():
        intent = _intent(intent_id)
        if intent["status"] == "requires_action":
            back = _back(intent)
            try:
                challenge_answers.answer(intent, passed=request.form.get("outcome") == "complete")
            except CardError:
                return _leave(back.replace("redirect_status=succeeded", "redirect_status=failed"))
        return _leave(_back(intent))


def _intent(intent_id: str) -> Json:
    """The intent, for whoever holds its secret."""
    kind = "setup_intent" if intent_id.startswith("seti_") else "payment_intent"
    intent = store.find(kind, intent_id)
    shown = request.values.get("client_secret", "")
    if intent is None or not hmac.compare_digest(intent["client_secret"].encode(), shown.encode()):
        raise NotFound(f"No such intent: '{intent_id}'", code="resource_missing", param="intent")
    return intent


def _leave(back: str) -> ResponseReturnValue:
    """Back to the shop; in stripe.js' frame, word to stripe.js, which asks what became of the intent."""
    if "framed" in request.values:
        return render_template("hosted/done.html", what="challenge", landing="")
    return redirect(back, 303)


def _back(intent: Json) -> str:
    url: str = intent.get("_return_url") or "/"
    passed = intent["status"] in ("succeeded", "requires_capture", "processing")
    query = {
        intent["object"]: intent["id"],
        f"{intent['object']}_client_secret": intent["client_secret"],
        "redirect_status": "succeeded" if passed else "failed",
    }
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"
