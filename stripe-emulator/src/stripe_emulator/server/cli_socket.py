"""The WebSocket of Stripe's command-line program: events for ``listen``, lines for ``logs tail``.

The messages are those of the program's own source: ``webhook_event``, ``v2_event`` and
``request_log_event``. What it answers (that an event came, and what its receiver said) is read and left.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

from stripe_emulator.api.expand import render
from stripe_emulator.api.request import Call, Reply
from stripe_emulator.core import ids
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import NotFound, Unavailable
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json
from stripe_emulator.core.version import API_VERSION
from stripe_emulator.core.wire import encode
from stripe_emulator.events import cli_sessions, deliveries, shapes, thin
from stripe_emulator.server.emulator import Emulator
from stripe_emulator.server.websocket import Closed, WebSocket

#: Shakes hands with the program.
Accept = Callable[[], WebSocket]
App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

#: Seconds between looks at what is new.
PULSE = 0.1

#: The log of requests leaves out what the program itself asks.
_OWN = "/v1/stripecli/sessions"


def around(emulator: Emulator, app: App) -> App:
    """The app, with the socket beside it."""

    def call(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] != cli_sessions.PATH:
            return app(environ, start_response)
        account, session = session_of(emulator, environ.get("HTTP_WEBSOCKET_ID", ""))
        if session is None or "HTTP_SEC_WEBSOCKET_KEY" not in environ:
            start_response("401 Unauthorized", [("Content-Type", "application/json")])
            unknown = NotFound("Unknown WebSocket ID.").envelope(ids.new("request"))
            return [encode(unknown).encode()]
        connection, key = environ["werkzeug.socket"], environ["HTTP_SEC_WEBSOCKET_KEY"]
        serve = _send_log if session["features"][0] == cli_sessions.LOGS else _send_events
        with suppress(Closed, Unavailable):  # the program has gone, or the emulator was closed
            serve(account, session, lambda: WebSocket.accept(connection, key))
        with suppress(OSError):  # it has hung up
            connection.shutdown(socket.SHUT_RDWR)
        raise ConnectionAbortedError("the socket is closed")

    return call


def session_of(emulator: Emulator, session_id: str) -> tuple[Emulator, Json | None]:
    """A session, and the account whose key it was made with."""
    for account in emulator.everyone():
        with account.store.transaction(write=False):
            if (session := store.find(cli_sessions.KIND, session_id)) is not None:
                return account, session
    return emulator, None


def _send_events(emulator: Emulator, session: Json, accept: Accept) -> None:
    """Send what happens from now on; whoever hears that the socket is open may count on it."""
    features, last = session["features"], _latest(emulator)
    websocket = accept()
    while True:
        websocket.wait(PULSE)
        with emulator.store.transaction(write=False) as transaction:
            rows = transaction.execute(
                "SELECT seq, id, body FROM object WHERE kind = 'event' AND seq > ? ORDER BY seq", (last,)
            ).fetchall()
            waiting = [transaction.load("event", row[1:]) for row in rows]
            messages = (
                [message for event in waiting for message in _messages(event, features)] if rows else []
            )
        last = rows[-1][0] if rows else last
        for message in messages:
            websocket.send(encode(message))


def _latest(emulator: Emulator) -> int:
    with emulator.store.transaction(write=False) as transaction:
        (latest,) = transaction.execute("SELECT max(seq) FROM object WHERE kind = 'event'").fetchone()
        return int(latest or 0)


def _messages(event: Json, features: list[str]) -> Iterator[Json]:
    """An event as the account's default version has it, and as the latest: the program chooses."""
    secret = cli_sessions.secret()
    for version in (None, API_VERSION):
        body = encode(render(shapes.as_heard(event, {"api_version": version})))
        yield {
            "endpoint": {"api_version": version},
            "event_payload": body,
            "http_headers": _headers(body, secret),
            "type": "webhook_event",
            "webhook_conversation_id": f"wc_{event['id']}",
            "webhook_id": f"wh_{event['id']}",
        }
    if cli_sessions.THIN in features and thin.has_twin(event["type"]):
        body = encode(thin.twin_of(event))
        yield {
            "destination_id": "ed_test_cli",
            "http_headers": _headers(body, secret),
            "payload": body,
            "type": "v2_event",
        }


def _headers(body: str, secret: str) -> dict[str, str]:
    return {
        "Content-Type": "application/json; charset=utf-8",
        "Stripe-Signature": deliveries.sign(body.encode(), (secret,)),
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
    }


def _send_log(emulator: Emulator, session: Json, accept: Accept) -> None:
    """Send a line for each request that is answered from now on."""
    answered: SimpleQueue[Json] = SimpleQueue()

    def hear(call: Call, reply: Reply) -> None:
        line = _line(call, reply)
        if call.path != _OWN and _passes(line, session["filters"]):
            answered.put(line)

    emulator.api.on_answer.append(hear)
    try:
        websocket = accept()
        while True:
            websocket.wait(PULSE)
            with suppress(Empty):
                while True:
                    line = answered.get_nowait()
                    message = {
                        "event_payload": encode(line),
                        "request_log_id": f"resp_{ids.token(14)}",
                        "type": "request_log_event",
                    }
                    websocket.send(encode(message))
    finally:
        emulator.api.on_answer.remove(hear)


def _line(call: Call, reply: Reply) -> Json:
    error = json.loads(reply.body).get("error") or {} if reply.status >= 300 else {}
    shown = ("charge", "code", "decline_code", "message", "param", "type")
    return {
        "created_at": clock.wall(),
        "error": {key: error.get(key) or "" for key in shown},
        "livemode": False,
        "method": call.verb,
        "request_id": reply.headers.get("Request-Id", ""),
        "status": reply.status,
        "url": call.path,
    }


def _passes(line: Json, filters: Json) -> bool:
    """Whether the program asked for such a line. All requests come by API, from this machine."""
    status = line["status"]
    has = {
        "filter_http_method": line["method"],
        "filter_request_path": line["url"],
        "filter_request_status": "SUCCEEDED" if status < 300 else "FAILED",
        "filter_source": "API",
        "filter_status_code": str(status),
        "filter_status_code_type": f"{status // 100}00",  # as the program sends 4XX
    }
    return all(not filters.get(name) or value in filters[name] for name, value in has.items())
