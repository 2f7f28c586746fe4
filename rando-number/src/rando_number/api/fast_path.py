"""The call that sells one number, served in front of Flask where a program asks with a key."""

from __future__ import annotations

from flask import Flask

from flask_prepaid import FastPath

from ..edge.headers import NO_PAGE, NOT_KEPT, new_request_id, on_every_answer
from ..numbers import NUMBER

PATH = "/api/v1/number/"


#: What is answered however busy all other threads are, and by how many of its own: what asks the database a
#: little, and what asks it nothing.
APART: dict[tuple[str, ...], int] = {("/readyz", "/metrics"): 2, ("/healthz", "/static/"): 4}


def in_front_of(app: Flask) -> FastPath:
    """The shop as a server loads it."""
    headers = {"Content-Security-Policy": NO_PAGE, "Cache-Control": NOT_KEPT, "Vary": "Cookie"}
    return FastPath(
        app,
        {PATH: NUMBER},
        serves=app.extensions["rando_hosts"].serves,
        headers={**headers, **on_every_answer(app)},
        headers_of_call=lambda: {"X-Request-Id": new_request_id()},
        apart=APART,
        max_body=app.config["MAX_WEBHOOK_LENGTH"],
    )
