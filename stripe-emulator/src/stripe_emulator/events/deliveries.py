"""Sending events: signed by the wall clock, tried again by Stripe's, each reply kept.

A delivery is leased, sent with no transaction open (the receiver calls back into the API from
inside it), then its reply is recorded. A process that dies while sending leaves its lease to run out, and
the event goes again: at least once, as at Stripe.
"""

from __future__ import annotations

import hmac
import http.client
import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from stripe_emulator.api.expand import render
from stripe_emulator.core.database import store
from stripe_emulator.core.database.storage import Store
from stripe_emulator.core.time import clock, due_work
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import encode
from stripe_emulator.events import failing_endpoints, listeners, shapes, thin, unreachable

#: Seconds after each failed attempt until the next; then Stripe gives up, three days on.
BACKOFF = (5, 60, 300, 1800, 7200, 18000, 36000, 36000, 36000, 36000, 36000)
LEASE, TIMEOUT = 60, 20
#: What is kept of a reply, for the dashboard.
REPLY_LENGTH = 2000


@dataclass(frozen=True)
class Reply:
    """What the receiver answered; ``status`` is None where it did not."""

    status: int | None
    text: str


#: Sends a body with headers, returns what came back. Never raises.
Send = Callable[[bytes, dict[str, str]], Reply]


@dataclass(frozen=True)
class Parcel:
    """One leased delivery, ready to go."""

    delivery: int
    attempts: int
    due_at: float
    url: str
    endpoint: str
    body: bytes
    secrets: tuple[str, ...]


class Courier:
    """Sends what is due, to each endpoint one delivery at a time.

    ``connected`` holds receivers in this process, by the id of their endpoint; their deliveries
    wait for this process, everyone else's go by HTTP.
    """

    def __init__(self, storage: Store) -> None:
        self.store = storage
        self.connected: dict[str, Send] = {}

    def deliver(self, *, endpoint: str | None = None) -> int:
        """Send everything that is due now, also what that causes; return how many were sent.

        :param endpoint: Only what goes there.
        """
        sent = 0
        while parcel := self._lease(endpoint):
            headers = _headers(parcel)
            begun = time.perf_counter()
            reply = self._send(parcel, headers)
            self._record(parcel, headers, reply, milliseconds=1000 * (time.perf_counter() - begun))
            sent += 1
        return sent

    def waiting(self) -> list[str]:
        """The endpoints to which something is due."""
        with self.store.transaction(write=False) as transaction:
            rows = transaction.execute(
                f"SELECT DISTINCT endpoint FROM delivery WHERE {self._due()}", _moments()
            )
            return [endpoint for (endpoint,) in rows]

    def _due(self) -> str:
        """The condition on a delivery that this process can make now; it takes ``_moments()``."""
        connected = ", ".join(f"'{endpoint}'" for endpoint in self.connected)
        return (
            "status = 'pending' AND due_at <= ? AND leased_until <= ?"
            f" AND (endpoint NOT LIKE 'connected_%' OR endpoint IN ({connected}))"
        )

    def _lease(self, endpoint: str | None) -> Parcel | None:
        with self.store.transaction() as transaction:
            row = transaction.execute(
                "UPDATE delivery SET leased_until = ?, attempts = attempts + 1 WHERE seq = ("
                f" SELECT seq FROM delivery WHERE {self._due()} AND endpoint = coalesce(?, endpoint)"
                " ORDER BY rank, due_at, seq LIMIT 1) RETURNING seq, event, endpoint, attempts, due_at",
                (clock.wall() + LEASE, *_moments(), endpoint),
            ).fetchone()
            if row is None:
                return None
            delivery, event_id, endpoint_id, attempts, due_at = row
            target = target_of(endpoint_id)
            event = store.find("event", event_id)
            if target is None or event is None:
                transaction.execute("UPDATE delivery SET status = 'gone' WHERE seq = ?", (delivery,))
                return Parcel(delivery, attempts, due_at, "", endpoint_id, b"", ())
            heard = (
                thin.twin_of(event) if listeners.is_thin(target) else render(shapes.as_heard(event, target))
            )
            body = encode(heard).encode()
            url, secrets = listeners.url_of(target), secrets_of(target)
            return Parcel(delivery, attempts, due_at, url, endpoint_id, body, secrets)

    def _send(self, parcel: Parcel, headers: dict[str, str]) -> Reply:
        if not parcel.url:
            return Reply(None, "The endpoint was deleted or disabled.")
        send = self.connected.get(parcel.endpoint)
        return send(parcel.body, headers) if send else send_by_http(parcel.url, parcel.body, headers)

    def _record(self, parcel: Parcel, headers: dict[str, str], reply: Reply, *, milliseconds: float) -> None:
        with self.store.transaction() as transaction:
            moment = int(due_work.when(parcel.due_at))
            made = transaction.execute(
                "INSERT INTO attempt (delivery, at, status, reply) VALUES (?, ?, ?, ?)",
                (parcel.delivery, moment, reply.status, reply.text[:REPLY_LENGTH]),
            )
            transaction.execute(
                "INSERT INTO attempt_sent VALUES (?, ?, ?, ?)",
                (made.lastrowid, json.dumps(headers), parcel.body.decode(), milliseconds),
            )
            delivered = reply.status is not None and 200 <= reply.status < 300
            if parcel.url:
                failing_endpoints.note(parcel.endpoint, delivered=delivered, at=moment)
            if delivered:
                outcome, wait = "delivered", 0
            elif parcel.attempts > len(BACKOFF):
                outcome, wait = "failed", 0
            else:
                outcome, wait = "pending", BACKOFF[parcel.attempts - 1]
            transaction.execute(
                "UPDATE delivery SET status = ?, due_at = ?, leased_until = 0"
                " WHERE seq = ? AND status = 'pending'",
                (outcome, moment + wait, parcel.delivery),
            )


def _headers(parcel: Parcel) -> dict[str, str]:
    return {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        "Stripe-Signature": sign(parcel.body, parcel.secrets) if parcel.url else "",
    }


def _moments() -> tuple[int, int]:
    """Retries come by Stripe's clock; leases run out by the wall's."""
    return clock.now(), clock.wall()


def target_of(endpoint_id: str) -> Json | None:
    """The endpoint's url and secret, or None if it is gone."""
    return next((endpoint for endpoint in listeners.endpoints() if endpoint["id"] == endpoint_id), None)


def secrets_of(target: Json) -> tuple[str, ...]:
    """The secrets to sign with: two for a while after an endpoint's secret was rolled."""
    if clock.now() < target.get("_old_until", 0):
        return target["_secret"], target["_old_secret"]
    return (target["_secret"],)


def sign(body: bytes, secrets: tuple[str, ...]) -> str:
    """The ``Stripe-Signature`` header: ``t=...,v1=...``, one ``v1`` for each secret."""
    moment = clock.wall()
    signed = f"{moment}.".encode() + body
    signatures = [hmac.new(secret.encode(), signed, "sha256").hexdigest() for secret in secrets]
    return ",".join([f"t={moment}", *(f"v1={signature}" for signature in signatures)])


def send_by_http(url: str, body: bytes, headers: dict[str, str]) -> Reply:
    """POST to a receiver outside; redirects count as failures, as at Stripe."""
    try:
        request = urllib.request.Request(url, data=body, headers=headers, method="POST")
        with _opener(request.type).open(request, timeout=TIMEOUT) as response:
            return Reply(response.status, response.read(REPLY_LENGTH).decode("utf-8", "replace"))
    except urllib.error.HTTPError as error:
        with error:
            return Reply(error.code, error.read(REPLY_LENGTH).decode("utf-8", "replace"))
    except (OSError, ValueError, http.client.HTTPException) as error:
        return Reply(None, unreachable.sentence(error, url, seconds=TIMEOUT))


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object, **__: object) -> None:
        return None


@cache
def _opener(scheme: str) -> urllib.request.OpenerDirector:
    """What opens addresses of a scheme, made once: to read whom this machine trusts takes it 40 ms."""
    handlers: list[urllib.request.BaseHandler] = [_NoRedirect(), urllib.request.ProxyHandler({})]
    if scheme == "https":
        trusted = ssl.create_default_context()
        trusted.set_alpn_protocols(["http/1.1"])
        handlers.append(urllib.request.HTTPSHandler(context=trusted))
    return urllib.request.build_opener(*handlers)
