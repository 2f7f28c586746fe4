"""The pages and the emulator's own controls as a Flask app, behind what answers programs."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from stripe_emulator import pages
from stripe_emulator.api.request import Api
from stripe_emulator.core.errors import InvalidRequest, NotFound, StripeError, Unavailable
from stripe_emulator.core.hosts import name_of
from stripe_emulator.core.wire import MAX_BYTES
from stripe_emulator.pages.common.account import ALL
from stripe_emulator.pages.common.hosts import GIVEN
from stripe_emulator.server import load
from stripe_emulator.server.accounts import Accounts
from stripe_emulator.server.front import front, refused


def create_app(api: Api, accounts: Accounts[Any] | None = None, hosts: Iterable[str] = ()) -> Flask:
    """Everything that the emulator serves over HTTP.

    :param accounts: Where each key has an account of its own; ``api`` is then the first one's.
    :param hosts: Names under which it is reached, beside this machine's and the base URL's.
    """
    load.load()
    given = frozenset(hosts)
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BYTES
    app.extensions |= {"stripe_emulator": api, ALL: accounts or (), GIVEN: given}
    pages.register(app)
    page = app.wsgi_app if accounts is None else partial(accounts.choose, then=app.wsgi_app)
    app.wsgi_app = front(accounts or api, page, lambda: {name_of(api.store.base_url), *given})  # type: ignore[method-assign, assignment]

    @app.errorhandler(StripeError)
    def refuse(error: StripeError) -> Response:
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


def _answer(error: StripeError) -> Response:
    reply = refused(error)
    return Response(reply.body, reply.status, reply.headers)
