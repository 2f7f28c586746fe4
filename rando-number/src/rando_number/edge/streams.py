"""Long answers: few at a time, one for each customer, and none for a caller who has gone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from threading import Lock

from flask import Flask, Response, current_app, stream_with_context
from werkzeug.exceptions import ServiceUnavailable, TooManyRequests

from flask_prepaid import caller_has_gone

#: How many a process writes at the same time. Each takes a thread of those that answer all requests.
AT_ONCE = 4

#: After how many seconds to ask again.
RETRY_AFTER_S = 10


def init_app(app: Flask) -> None:
    app.extensions["rando_streams"] = Streams()


class Streams:
    """Who is being answered at length now."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._owners: set[str] = set()

    def begin(self, owner: str) -> None:
        """Take one of the places.

        :raises TooManyRequests: This owner has one.
        :raises ServiceUnavailable: All are taken.
        """
        with self._lock:
            if owner in self._owners:
                raise TooManyRequests("One download at a time.", retry_after=RETRY_AFTER_S)
            if len(self._owners) >= AT_ONCE:
                raise ServiceUnavailable(retry_after=RETRY_AFTER_S)
            self._owners.add(owner)

    def end(self, owner: str) -> None:
        with self._lock:
            self._owners.discard(owner)


def respond(owner: str, lines: Iterable[str], mimetype: str, file: str | None = None) -> Response:
    """Answer with lines that are written while they are sent.

    :param lines: Made page by page; between two pages they keep no connection to the database.
    :param file: Under what name a browser keeps it.
    :raises TooManyRequests: This owner is being sent another one.
    :raises ServiceUnavailable: Enough others are.
    """
    streams: Streams = current_app.extensions["rando_streams"]
    streams.begin(owner)
    response = Response(stream_with_context(while_wanted(lines)), mimetype=mimetype)
    response.call_on_close(lambda: streams.end(owner))
    if file:
        response.headers["Content-Disposition"] = f"attachment; filename={file}"
    return response


def while_wanted(lines: Iterable[str]) -> Iterator[str]:
    """The lines, until their caller has gone."""
    for line in lines:
        if caller_has_gone():
            return
        yield line
