"""One webhook over HTTP: signed as Standard Webhooks has it, to an address that was looked at."""

from __future__ import annotations

import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

import requests
import urllib3
from standardwebhooks import Webhook
from urllib3.util.ssl_ import create_urllib3_context

from ...errors import UnknownItem
from ...gateway import timeouts
from ...languages.words import marked
from . import addresses
from .addresses import AddressRefused, EndpointAddress, Resolve

#: How long to wait for a connection, and for the whole answer, in seconds.
CONNECT_S = 5
ANSWER_S = 10

#: So much of an answer is read and shown.
ANSWER_BYTES = 1_000
SHOWN = 200

GONE = 410


@dataclass(frozen=True)
class WebhookAnswer:
    """What an endpoint answered. ``error`` is for its owner, empty where the answer is 2xx."""

    status: int | None
    error: str

    @property
    def is_gone(self) -> bool:
        return self.status == GONE


@dataclass(frozen=True)
class Poster:
    """Sends webhooks of one app.

    :param local: Whether http and this machine are allowed, for development.
    """

    local: bool
    resolve: Resolve = addresses.by_dns
    connect_s: float = CONNECT_S
    answer_s: float = ANSWER_S

    def post(self, url: str, secrets: Sequence[str], *, uid: str, body: str) -> WebhookAnswer:
        """Send ``body`` signed under each of ``secrets``. Redirects are not followed. Nothing is raised."""
        try:
            place = addresses.read(url, local=self.local)
            ips = addresses.resolved(place, self.resolve, local=self.local)
        except (UnknownItem, AddressRefused) as error:
            return WebhookAnswer(None, str(error))
        headers = self._headers(place, secrets, uid, body)
        return self._first_answer(place, addresses.one_of_each(ips), headers, body)

    def _headers(self, place: EndpointAddress, secrets: Sequence[str], uid: str, body: str) -> dict[str, str]:
        now = datetime.fromtimestamp(int(time.time()), UTC)
        return {
            "Host": place.netloc,
            "Content-Type": "application/json",
            "User-Agent": "flask-prepaid",
            "webhook-id": uid,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(Webhook(secret).sign(uid, now, body) for secret in secrets),
        }

    def _first_answer(
        self, place: EndpointAddress, ips: Sequence[str], headers: dict[str, str], body: str
    ) -> WebhookAnswer:
        """The answer of the first address that can be connected to."""
        posted = WebhookAnswer(None, "")
        for address in ips:
            try:
                return self._post(place, address, headers, body)
            except (urllib3.exceptions.ConnectTimeoutError, urllib3.exceptions.NewConnectionError):
                posted = WebhookAnswer(None, marked("Nobody answers at this address."))
            except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
                return WebhookAnswer(None, in_words(error))
        return posted

    def _post(
        self, place: EndpointAddress, address: str, headers: dict[str, str], body: str
    ) -> WebhookAnswer:
        timeout = urllib3.Timeout(connect=self.connect_s, read=self.answer_s)
        pool: urllib3.HTTPConnectionPool
        if place.scheme == "https":
            pool = urllib3.HTTPSConnectionPool(
                address,
                place.port,
                timeout=timeout,
                cert_reqs="CERT_REQUIRED",
                ssl_context=_trusting(requests.utils.DEFAULT_CA_BUNDLE_PATH),
                server_hostname=place.host,
                assert_hostname=place.host,
            )
            pool.ConnectionCls = timeouts.SecureConnection
        else:
            pool = urllib3.HTTPConnectionPool(address, place.port, timeout=timeout)
            pool.ConnectionCls = timeouts.Connection
        with pool:
            answer = pool.urlopen(
                "POST",
                place.path,
                body=body.encode(),
                headers=headers,
                retries=False,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
            try:
                if 200 <= answer.status < 300:
                    return WebhookAnswer(answer.status, "")  # it has it, whatever it still says
                words = answer.read(ANSWER_BYTES).decode("utf-8", "replace")
            finally:
                answer.close()
        return WebhookAnswer(answer.status, refusal(answer.status, words))


@cache
def _trusting(bundle: str) -> ssl.SSLContext:
    """TLS with the authorities of a file. To read them takes 40 ms, more than all else of a message."""
    context: ssl.SSLContext = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
    context.load_verify_locations(bundle)
    return context


REDIRECTS = marked("It redirects, which is not followed. Write the address that it leads to.")
EMPTY = marked("It answered with an empty body.")


def refusal(status: int, words: str) -> str:
    """What an answer that is not 2xx says, on one line."""
    if 300 <= status < 400:
        return REDIRECTS
    shown = " ".join("".join(c if c.isprintable() else " " for c in words).split())
    return shown[:SHOWN] or EMPTY


def is_quoted(status: int | None, error: str) -> bool:
    """Whether what went wrong is in the receiver's own words, and not in ours."""
    return status is not None and error not in (REDIRECTS, EMPTY)


def in_words(error: Exception) -> str:
    """Why nothing was answered."""
    if isinstance(error, urllib3.exceptions.SSLError):
        return marked("Its certificate is not valid for this address.")
    if isinstance(error, urllib3.exceptions.TimeoutError | TimeoutError):
        return marked("It took too long to answer.")
    return marked("It did not answer as HTTP has it.")
