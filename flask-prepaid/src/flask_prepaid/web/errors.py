"""An error of the extension as an answer: JSON for programs, a page for people."""

from __future__ import annotations

from flask import Response, jsonify, make_response, request, url_for

from prepaid_ledger.errors import BudgetExceeded, InsufficientCredits, PrepaidError

from ..errors import GatewayRefused, GatewayUnavailable
from . import page

#: What a customer is told where the error itself speaks to operators.
FOR_PEOPLE: dict[type[PrepaidError], str] = {
    GatewayUnavailable: "The payment service does not answer right now. It is not known yet whether your "
    "last step got through, so do not pay twice: look at your balance first, and try again in a minute.",
    GatewayRefused: "The payment service refused this. Nothing was charged. Please tell us if it goes on.",
}


def answer(error: PrepaidError) -> Response:
    """What the client is told, with the error's own status."""
    message = FOR_PEOPLE.get(type(error), str(error))
    if wants_json():
        response = jsonify(
            {"status": "FAILURE", "error": {"code": error.code, "message": message, **details(error)}}
        )
    else:
        response = make_response(page.render("error.html", error=error, message=message))
    response.status_code = error.http_status
    if error.http_status == 503:
        response.headers["Retry-After"] = "5"
    return response


def details(error: PrepaidError) -> dict[str, int | str | None]:
    """What a program needs to act on the error."""
    if isinstance(error, InsufficientCredits):
        return {
            "balance": error.available,
            "needed": error.needed,
            "buy_url": url_for("prepaid.buy", _external=True),
        }
    if isinstance(error, BudgetExceeded):
        return {
            "spender": error.spender,
            "every": error.every,
            "budget": error.credits,
            "left": error.left,
            "needed": error.needed,
            "resets_at": error.resets_at.isoformat() if error.resets_at else None,
        }
    return {}


def wants_json() -> bool:
    """A browser asks for HTML by its name; a program for JSON, or for anything."""
    accepts = request.accept_mimetypes
    return request.is_json or (bool(accepts) and accepts["application/json"] >= accepts["text/html"])
