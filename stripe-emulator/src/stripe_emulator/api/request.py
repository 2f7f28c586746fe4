"""One request to ``/v1`` (or ``/v2``), from its bytes to its answer.

Key, route, parameters, idempotency, the resource's function, expand: all in one transaction,
so an answer that was given is on disk, and a request that failed left nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from stripe_emulator import contract, versions
from stripe_emulator.api import chaos, idempotency, keys, routing
from stripe_emulator.api.chaos import NO_TROUBLE, Trouble
from stripe_emulator.api.expand import render
from stripe_emulator.api.idempotency import Answer
from stripe_emulator.api.routing import Endpoint
from stripe_emulator.core import ids
from stripe_emulator.core.database import transactions
from stripe_emulator.core.database.settings import get_setting
from stripe_emulator.core.database.storage import Store
from stripe_emulator.core.database.transactions import Origin
from stripe_emulator.core.errors import InvalidRequest, NotEmulated, RateLimited, StripeError, Unavailable
from stripe_emulator.core.types import Json
from stripe_emulator.core.version import API_VERSION, checked
from stripe_emulator.core.wire import Form, decode, decode_json, decode_multipart, encode

#: On every answer, as Stripe's. Browsers call with a publishable key from any origin.
HEADERS = {
    "Access-Control-Allow-Credentials": "true",
    "Access-Control-Allow-Methods": "GET, HEAD, PUT, PATCH, POST, DELETE",
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Request-Id, Stripe-Manage-Version, Stripe-Should-Retry",
    "Access-Control-Max-Age": "300",
    "Cache-Control": "no-cache, no-store",
    "Content-Type": "application/json",
    "Vary": "Origin",
}


@dataclass(frozen=True)
class Call:
    """A request as it came. The names of ``headers`` are in lower case."""

    verb: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    def header(self, name: str) -> str:
        return self.headers.get(name, "")


@dataclass(slots=True)
class Reply:
    """An answer. Where it is ``lost`` or ``times_out``, it must not reach the caller.

    If it is lost, the connection is closed; if it times out, nothing is ever said.
    """

    status: int
    body: str
    headers: dict[str, str] = field(default_factory=dict)
    lost: bool = False
    times_out: bool = False
    #: How long it took.
    milliseconds: float = 0


class Api:
    """Answers calls on one store; safe to use from many threads."""

    def __init__(self, storage: Store) -> None:
        self.store = storage
        self._in_use = idempotency.KeysInUse()
        self._attempts = chaos.Attempts()
        #: Called with each request and its answer.
        self.on_answer: list[Callable[[Call, Reply], None]] = []

    def answer(self, call: Call) -> Reply:
        """Never raises for what a caller can send."""
        begun = time.perf_counter()
        reply = self._answer_or_refuse(call)
        reply.milliseconds = 1000 * (time.perf_counter() - begun)
        for hear in list(self.on_answer):
            hear(call, reply)
        return reply

    def _answer_or_refuse(self, call: Call) -> Reply:
        with ids.drawn_from(self.store.random):
            request_id = ids.new("request")
        headers = {**HEADERS, "Request-Id": request_id}
        try:
            return self._answer(call, request_id, headers)
        except StripeError as error:
            envelope = error.envelope(request_id, logs=self._logs)
            if error.extra and (version := headers.get("Stripe-Version")):
                with self.store.transaction(write=False):
                    envelope = versions.downgrade(envelope, version)
            return Reply(error.status, encode(envelope), {**headers, **error.headers})

    def _answer(self, call: Call, request_id: str, headers: dict[str, str]) -> Reply:
        form = form_of(call)
        secret = keys.given(call.header("authorization"), form)
        version = checked(call.header("stripe-version")) if call.header("stripe-version") else None
        headers["Stripe-Version"] = version or API_VERSION
        endpoint, values = routing.match(call.verb, call.path, version)
        key = _idempotency_key(call)
        origin = Origin(request_id, key, keys.masked(secret))
        writes = call.verb != "GET"
        with self._in_use.mark(key), self.store.transaction(write=writes, lazy=True, origin=origin):
            for account in filter(None, map(call.header, ("stripe-account", "stripe-context"))):
                keys.check_account(account)
            keys.check(secret, endpoint, values, form)
            trouble = self._trouble(call, key)
            if trouble.times_out:
                return Reply(
                    504, encode(_down().envelope(request_id, logs=self._logs)), headers, times_out=True
                )
            fingerprint = ""
            if key is not None:
                headers |= {"Idempotency-Key": key, "Original-Request": request_id}
                fingerprint = idempotency.fingerprint_of(call.verb, call.path, form)
                if (earlier := idempotency.recall(key, fingerprint)) is not None:
                    headers |= {"Original-Request": earlier.request_id, "Idempotent-Replayed": "true"}
                    return Reply(earlier.status, earlier.body, headers, lost=trouble.lost_reply)
            answer = _work(endpoint, values, form, version, request_id, self._logs, secret)
            if trouble.fails_after:
                answer = Answer(500, encode(_down().envelope(request_id, logs=self._logs)), request_id)
            if key is not None:
                idempotency.keep(key, fingerprint, answer)
        if trouble.slow:
            time.sleep(trouble.slow)
        return Reply(answer.status, answer.body, headers, lost=trouble.lost_reply)

    @property
    def _logs(self) -> str:
        """Where the pages show requests; an id follows."""
        return f"{self.store.base_url}/logs/"

    def _trouble(self, call: Call, key: str | None) -> Trouble:
        settings = get_setting(chaos.SETTING)
        if not settings:
            return NO_TROUBLE
        attempt = self._attempts.count(call.verb, call.path, key or "")
        trouble = chaos.trouble(settings, call.verb, call.path, key or "", attempt)
        if trouble.limited:
            raise RateLimited("Request rate limit exceeded.", code="rate_limit")
        if trouble.fails_before:
            raise _down()
        return trouble


def form_of(call: Call) -> Form:
    """The parameters of a request, nested.

    :raises InvalidRequest: They can't be read.
    """
    kind = call.header("content-type")
    if call.path.startswith("/v2/"):
        return decode_json(call.query, call.body)
    if kind.startswith("multipart/form-data"):
        return decode_multipart(call.query, kind, call.body)
    if kind.startswith("application/json") and call.body:
        raise InvalidRequest(
            "Invalid request (check that your POST content type is application/x-www-form-urlencoded). If you"
            " have any questions, we can help at https://support.stripe.com/."
        )
    return decode(call.query, call.body)


def _work(
    endpoint: Endpoint,
    values: dict[str, str],
    raw: Form,
    version: str | None,
    request_id: str,
    logs: str | None = None,
    secret: str = "",
) -> Answer:
    """Have the resource do it; a refusal that is a fact of its own is an answer, too."""
    if endpoint.route:
        reading = versions.read(endpoint.route, str(endpoint), raw, version)
    else:
        reading = versions.Reading(contract.Given(raw), {})
    form, shown_at = reading.form, version or API_VERSION
    paths = form.pop("expand", [])
    listed = paths if isinstance(paths, list) else list(paths.values())
    try:
        with reading.errors_as_called():
            result = endpoint.view(form, *values.values())
            body = encode(keys.as_seen(secret, render(result, listed, shown_at)))
            transactions.current().encode()
            _must_be_read(form, endpoint)
    except StripeError as error:
        error.extra = keys.as_seen(secret, error.extra)
        if not error.keeps_work:
            raise
        envelope: Json = versions.downgrade(error.envelope(request_id, logs=logs), shown_at)
        return Answer(error.status, encode(envelope), request_id)
    return Answer(200, body, request_id)


def _must_be_read(form: contract.Given, endpoint: Endpoint) -> None:
    """Called once the answer and the objects are written out: what they keep counts as read.

    :raises NotEmulated: The resource never looked at a parameter, which then would have no effect.
    """
    for name in form.unread():
        raise NotEmulated(f"{endpoint.verb} {endpoint.path} with {name}", param=name)


def _idempotency_key(call: Call) -> str | None:
    key = call.header("idempotency-key")
    if len(key) > 255:
        raise InvalidRequest(
            "Idempotency keys can be up to 255 characters long.", code="idempotency_key_too_long"
        )
    return key if key and call.verb == "POST" else None


def _down() -> Unavailable:
    return Unavailable("An unknown error occurred at Stripe. (This is the emulator's chaos.)")
