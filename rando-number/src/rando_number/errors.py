"""Every error in the form that its reader needs: a page for people, a JSON envelope for programs."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from flask import (
    Blueprint,
    Flask,
    Response,
    g,
    got_request_exception,
    jsonify,
    make_response,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_login import AnonymousUserMixin
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DataError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as SQLAlchemyTimeout
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import BadRequest, HTTPException

from flask_prepaid import BudgetExceeded, Busy, InsufficientCredits, PrepaidError
from flask_prepaid.errors import IdempotencyConflict, NotSignedIn, TooManyCalls
from flask_prepaid.languages.words import gettext as _
from flask_prepaid.languages.words import marked

from .callers import way_back
from .extensions import db

#: The code that a program gets with each status.
CODES = {
    400: "malformed",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "too_large",
    415: "unsupported_media_type",
    422: "invalid_parameter",
    429: "rate_limited",
    503: "unavailable",
}

#: What a limit is called, by how often it begins anew.
WINDOWS = {
    "day": marked("daily limit of %(credits)s credits"),
    "week": marked("weekly limit of %(credits)s credits"),
    "month": marked("monthly limit of %(credits)s credits"),
    None: marked("limit of %(credits)s credits"),
}

#: The words of each error page: a title, and what to do now.
WORDS = {
    400: (marked("That request was not understood"), marked("Go back, check what you sent, and try again.")),
    401: (marked("Please sign in"), marked("This page is for signed-in customers.")),
    403: (marked("That is not yours to open"), marked("Your account may not open this page.")),
    404: (marked("There is no such page"), marked("The address may be mistyped, or the page has moved.")),
    405: (marked("That does not work here"), marked("Go back and use the buttons of the page.")),
    409: (
        marked("That was already done"),
        marked("Nothing was taken twice. Open the page again to see where it stands."),
    ),
    413: (marked("That was too much at once"), marked("Send less and try again.")),
    422: (marked("That cannot be done"), marked("Go back and choose something else.")),
    429: (marked("Too many tries"), marked("Wait a minute, then try again.")),
    500: (
        marked("Something went wrong on our side"),
        marked("We have kept a note of it. Try again in a moment."),
    ),
    503: (marked("We are busy right now"), marked("Nothing was taken. Try again in a moment.")),
}


class ApiError(Exception):
    """A call that is refused, with what its caller needs in order to mend it.

    :param headers: More headers of the answer.
    :param more: Fields beside ``code`` and ``message``, such as ``param``.
    """

    def __init__(
        self, status: int, code: str, message: str, *, headers: dict[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}
        self.more = more


def init_app(app: Flask) -> None:
    """Answer errors by a page or the envelope. The extension has a page of its own for its own errors."""
    got_request_exception.connect(undo, app)
    app.register_error_handler(CSRFError, expired_form)
    for away in (OperationalError, InterfaceError, SQLAlchemyTimeout, Busy):
        app.register_error_handler(away, busy_database)
    app.register_error_handler(StaleDataError, changed_meanwhile)
    app.register_error_handler(DataError, not_to_be_kept)
    app.register_error_handler(HTTPException, refused_request)


def undo(app: Flask, **extra: Any) -> None:
    """Roll back after a fault of ours, so that nothing that runs after the view commits it."""
    db.session.rollback()


def speak_json(blueprint: Blueprint) -> None:
    """Have every error of an API's blueprint come as the envelope."""
    blueprint.register_error_handler(ApiError, refused_call)
    blueprint.register_error_handler(PrepaidError, refused_by_the_ledger)


def envelope(status: int, code: str, message: str, **more: Any) -> Response:
    """The one shape of every error that a program gets."""
    response = jsonify(status="FAILURE", error={"code": code, "message": message, **more})
    response.status_code = status
    if "retry_after" in more:
        response.headers["Retry-After"] = str(more["retry_after"])
    return response


def for_program() -> bool:
    return request.path.startswith("/api/")


#: What passes by itself: the same request may do later.
PASSES = (429, 500, 503)

#: What was sent wrongly, or no longer holds: the page that it came from is the place to mend it.
SENT_WRONGLY = (400, 405, 409, 413, 415, 422)


def page(status: int, title: str, advice: str) -> Response:
    """The page of an error, with the one button that leads on: to the page again, or back to its form."""
    asks = request.method in ("GET", "HEAD")
    again = path_of(request.url) if asks and status in PASSES else None
    back = page_before() if again is None and status in (*PASSES, *SENT_WRONGLY) else None
    words = {"title": _(title), "advice": _(advice)}
    return make_response(
        render_template("error.html", status=status, again=again, back=back, id=g.request_id, **words), status
    )


def page_before() -> str | None:
    """The page of ours that this request came from, else that of the form; ``None`` if neither is known."""
    asks = request.method in ("GET", "HEAD")
    if came_from_here():
        before = path_of(request.referrer or "")
        return None if asks and before == path_of(request.url) else before
    reads = request.url_rule is not None and "GET" in (request.url_rule.methods or ())
    return request.path if reads and not asks else None


def came_from_here() -> bool:
    """Whether the request names a page of ours as the one before it. What is no address is none of ours."""
    try:
        return urlsplit(request.referrer or "").netloc == request.host
    except ValueError:
        return False


def path_of(url: str) -> str:
    """What follows the host in an address of ours; browsers read a backslash as a slash."""
    parts = urlsplit(url)
    return way_back(urlunsplit(("", "", f"/{parts.path.lstrip('/')}", parts.query, "")))


def refused_call(error: ApiError) -> ResponseReturnValue:
    response = envelope(error.status, error.code, error.message, **error.more)
    response.headers.update(error.headers)
    return response


def refused_by_the_ledger(error: PrepaidError) -> ResponseReturnValue:
    """The envelope of an error of the extension's, with our codes and words."""
    status, code, words, more = error.http_status, error.code, str(error), dict(error.details)
    headers: Mapping[str, str] = {}
    if isinstance(error, InsufficientCredits):
        words = f"Credits needed: {error.needed}. Credits left: {error.available}. Buy more at buy_url."
        more = {"balance": error.available, "needed": error.needed}
        more["buy_url"] = url_for("prepaid.buy", _external=True)
    elif isinstance(error, BudgetExceeded):
        code, words, more = limit_reached(error)
    elif isinstance(error, TooManyCalls):
        headers = error.headers
    elif isinstance(error, NotSignedIn):
        headers = {"WWW-Authenticate": "Bearer"}
    elif status == 503:
        code, more = CODES[503], {"retry_after": 1}
    elif not isinstance(error, IdempotencyConflict):
        code, more = CODES.get(status, code), {}
    response = envelope(status, code, words, **more)
    response.headers.update(headers)
    return response


def limit_reached(error: BudgetExceeded) -> tuple[str, str, dict[str, Any]]:
    """The code, the words and the fields of a limit that allows no more: a key's, or the customer's own."""
    window = _(WINDOWS[error.every], credits=error.credits)
    more = {"left": error.left, "needed": error.needed, "every": error.every}
    more["resets_at"] = error.resets_at.isoformat() if error.resets_at else None
    if error.spender is None:
        advice = _("The %(limit)s is reached. It can be raised at /api-keys/limits.", limit=window)
        return "spending_limit_reached", advice, {"limit": error.credits, **more}
    return (
        "key_cap_reached",
        _("The %(limit)s of this key is reached. Its owner can raise it.", limit=window),
        {"cap": error.credits, **more},
    )


def expired_form(error: CSRFError) -> ResponseReturnValue:
    advice = marked("Go back, reload the page, and send it again.")
    return page(400, marked("This form is out of date"), advice)


def busy_database(error: SQLAlchemyError | Busy) -> ResponseReturnValue:
    """The database is held, away, or has no connection free. Nothing was committed, or a key tells."""
    with suppress(SQLAlchemyError):
        db.session.rollback()
    if for_program():
        return envelope(503, "unavailable", "Try again with the same Idempotency-Key.", retry_after=1)
    g._login_user = AnonymousUserMixin()  # the page would ask the database who is signed in
    response = page(503, *WORDS[503])
    response.headers["Retry-After"] = "1"
    return response


def changed_meanwhile(error: StaleDataError) -> ResponseReturnValue:
    """The account is no longer as it was when this form was read: nothing of it was done."""
    db.session.rollback()
    advice = marked("Nothing of this form was done. Look at your account, and send it again if you need to.")
    return page(409, marked("Your account has just changed"), advice)


def not_to_be_kept(error: DataError) -> ResponseReturnValue:
    """Answer 400 to what PostgreSQL cannot keep, such as a text with a NUL in it."""
    db.session.rollback()
    return refused_request(BadRequest())


def refused_request(error: HTTPException) -> ResponseReturnValue:
    status = error.code or 500
    if error.response is not None or status < 400:
        return error.get_response()
    title, advice = WORDS.get(status, (error.name, marked("Go back and try again.")))
    if for_program():
        response = envelope(status, CODES.get(status, "server_error"), f"{title}. {advice}")
    else:
        response = page(status, title, advice)
    headers = error.get_headers()
    response.headers.extend({name: value for name, value in headers if name in ("Allow", "Retry-After")})
    return response
