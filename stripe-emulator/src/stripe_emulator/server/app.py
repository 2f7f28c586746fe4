"""The WSGI app: the API, the pages that people see, and the emulator's own controls."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from flask import Flask, Request, Response, request
from werkzeug.exceptions import HTTPException

from stripe_emulator import pages
from stripe_emulator.api.request import HEADERS, Api, Call, Reply
from stripe_emulator.core import ids
from stripe_emulator.core.errors import InvalidRequest, NotFound, StripeError, Unavailable
from stripe_emulator.core.wire import MAX_BYTES, MAX_UPLOAD, encode
from stripe_emulator.pages.account import ALL
from stripe_emulator.pages.hosts import GIVEN
from stripe_emulator.server import load
from stripe_emulator.server.accounts import Accounts

VERBS = ["GET", "POST", "DELETE", "PUT", "PATCH"]

#: Mark an answer that the server swallows: chaos' ``lost_reply`` and ``timeout``.
LOST, SILENT = "Emulator-Lost-Reply", "Emulator-No-Reply"


def create_app(api: Api, accounts: Accounts[Any] | None = None, hosts: Iterable[str] = ()) -> Flask:
    """Everything that the emulator serves over HTTP.

    :param accounts: Where each key has an account of its own; ``api`` is then the first one's.
    :param hosts: Names under which the dashboard is served, beside this machine's and the base URL's.
    """
    load.load()
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BYTES
    app.extensions |= {"stripe_emulator": api, ALL: accounts or (), GIVEN: frozenset(hosts)}

    @app.route("/v1/<path:_>", methods=VERBS, provide_automatic_options=False)
    @app.route("/v2/<path:_>", methods=VERBS, provide_automatic_options=False)
    def call(_: str) -> Response:
        if request.path == "/v1/files":
            request.max_content_length = MAX_UPLOAD
        return respond((accounts or api).answer(read(request)))

    @app.route("/v1/<path:_>", methods=["OPTIONS"], provide_automatic_options=False)
    def preflight(_: str) -> Response:
        headers_wanted = request.headers.get("Access-Control-Request-Headers", "")
        return Response(status=204, headers={**HEADERS, "Access-Control-Allow-Headers": headers_wanted})

    pages.register(app)
    if accounts is not None:
        app.wsgi_app = partial(accounts.choose, then=app.wsgi_app)  # type: ignore[method-assign]

    @app.errorhandler(StripeError)
    def refused(error: StripeError) -> Response:
        return _answer(error)

    @app.errorhandler(HTTPException)
    def no_such_page(error: HTTPException) -> Response | HTTPException:
        if error.code == 404:
            return _answer(NotFound(f"Unrecognized request URL ({request.method}: {request.path})."))
        if error.code is not None and 400 <= error.code < 500:
            answer = _answer(InvalidRequest(error.description or error.name))
            answer.status_code = error.code
            return answer
        return error

    @app.errorhandler(Exception)
    def broken(error: Exception) -> Response:
        app.logger.exception("stripe-emulator has a bug, in %s %s", request.method, request.path)
        return _answer(Unavailable(f"stripe-emulator has a bug: {type(error).__name__}. Please report it."))

    return app


def read(request: Request) -> Call:
    """Flask's request as the API takes it."""
    query = request.query_string.decode("latin-1")
    return Call(request.method, request.path, query, _lower(request), request.get_data())


def _lower(request: Request) -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers}


def respond(reply: Reply) -> Response:
    """The API's answer as Flask takes it."""
    response = Response(reply.body, reply.status, reply.headers)
    if reply.lost or reply.times_out:
        response.headers[SILENT if reply.times_out else LOST] = "1"
    return response


def _answer(error: StripeError) -> Response:
    request_id = ids.new("request")
    headers = {**HEADERS, **error.headers, "Request-Id": request_id}
    return Response(encode(error.envelope(request_id)), error.status, headers)
