"""Answers in fewer bytes: files, and pages of whoever is a stranger.

A page of a customer has secrets in it, such as the token of its forms. How far a page shrinks tells what is
in it to somebody who can add words to it (BREACH), so those are sent as they are.
https://www.breachattack.com
"""

from __future__ import annotations

import gzip
from functools import lru_cache

from flask import Flask, Response, request, session

from .files import FILES

#: What shrinks. Pictures and fonts are small already.
SHRINKS = ("text/", "application/javascript", "image/svg+xml")

#: Below so many bytes nothing is won.
MIN_BYTES = 500

LEVEL = 9


def init_app(app: Flask) -> None:
    app.after_request(compress)


def compress(response: Response) -> Response:
    """Shrink an answer for a browser that takes it so."""
    is_file = request.endpoint in FILES
    if (
        request.method != "GET"
        or response.status_code != 200
        or not (response.mimetype or "").startswith(SHRINKS)
    ):
        return response
    if not is_file and (response.is_streamed or session):
        return response
    response.vary.add("Accept-Encoding")
    if not request.accept_encodings["gzip"]:
        return response
    response.direct_passthrough = False
    body = response.get_data()
    if len(body) < MIN_BYTES:
        return response
    response.set_data(_kept(body) if is_file else gzip.compress(body, LEVEL))
    response.headers["Content-Encoding"] = "gzip"
    etag, _ = response.get_etag()
    if etag is not None:
        response.set_etag(etag, weak=True)  # the same file in other bytes
    return response


@lru_cache(maxsize=64)
def _kept(body: bytes) -> bytes:
    """A file is shrunk once in a process."""
    return gzip.compress(body, LEVEL)
