"""The two spending calls, served in front of Flask where a program calls with a key.

Through Flask, what every request passes (sessions, CSRF, limits, sign-ins, hooks) costs
eight times what the framework alone does, and none of it concerns a program with a key.
Here the same functions are called without it. All else goes to Flask: other calls and
browsers. And so does every refusal, with the error that was raised, so that handlers,
headers and the audit log are Flask's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from json import JSONEncoder
from typing import TYPE_CHECKING, Any

from flask import Flask, Request, Response, g
from flask.ctx import RequestContext
from werkzeug.exceptions import SecurityError
from werkzeug.wsgi import get_host

from . import limits
from .api import caller_by_key, sell_many, sell_one
from .headers import NO_PAGE, NOT_KEPT, new_request_id, on_every_answer
from .who import Caller

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Sale = Callable[[Caller, Request], dict[str, Any]]

CALLS: dict[tuple[str, str], Sale] = {
    ("GET", "/api/v1/number/"): sell_one,
    ("POST", "/api/v1/numbers"): sell_many,
}

#: As Flask writes JSON.
WRITER = JSONEncoder(separators=(",", ":"))


class Lane:
    """A WSGI callable around an app's own."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.through_flask = app.wsgi_app
        self.always = [
            ("Content-Type", "application/json"),
            ("Content-Security-Policy", NO_PAGE),
            ("Cache-Control", NOT_KEPT),
            ("Vary", "Cookie"),
            *on_every_answer(app).items(),
        ]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        sale = CALLS.get((environ["REQUEST_METHOD"], environ["PATH_INFO"]))
        if sale is None or not self.comes_with_a_key(environ):
            return self.through_flask(environ, start_response)

        request = self.app.request_class(environ)
        request.json_module = self.app.json
        window = None
        try:
            with self.app.app_context():
                who = caller_by_key(request)
                window = limits.take(who.owner, self.app.config["API_RATE"])
                fields = sale(who, request)
        except Exception as error:
            return self.refuse(request, error, window)(environ, start_response)

        body = WRITER.encode({"status": "SUCCESS", **fields}).encode() + b"\n"
        headers = [*self.always, ("Content-Length", str(len(body))), ("X-Request-Id", new_request_id())]
        if window is not None:
            headers += window.headers().items()
        start_response("200 OK", headers)
        return [body]

    def comes_with_a_key(self, environ: WSGIEnvironment) -> bool:
        """Whether the call is the lane's, by its headers."""
        if environ.get("HTTP_AUTHORIZATION", "")[:7].lower() != "bearer ":
            return False
        try:
            get_host(environ, self.app.config["TRUSTED_HOSTS"])
        except SecurityError:
            return False
        return True

    def refuse(self, request: Request, error: Exception, window: limits.Window | None) -> Response:
        """What Flask answers where a view raises ``error``."""
        with RequestContext(self.app, request.environ, request):
            g.window = window
            try:
                self.app.preprocess_request()
                return self.app.finalize_request(self.app.handle_user_exception(error))
            except Exception as unhandled:
                return self.app.handle_exception(unhandled)
