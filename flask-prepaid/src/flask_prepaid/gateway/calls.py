"""One call to Stripe, with its repeats: the only place that turns the SDK's errors into ours.

What a call returns is the SDK's; the other modules of this folder make plain values of it
(``values``). After ``GatewayUnavailable`` nobody knows what happened, and asking again with the
same idempotency key is safe for 24 hours; after the other errors it is known.
"""

from __future__ import annotations

import logging
import random
import re
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, TypeVar

import stripe
from blinker import Signal

from ..config import Config
from ..errors import CardDeclined, CardNeedsOwner, GatewayRefused, GatewayUnavailable
from . import timeouts

#: Stripe answers 429 before it looks at the idempotency key, and the SDK does not ask again. The pause before
#: the first retry is about so long, and twice as long before each that follows.
BUSY_RETRIES = 4
BUSY_PAUSE_S = 0.2

#: Sent with each refusal that is a fault of somebody's, for who counts them.
refused = Signal()

#: Stripe's codes where a bank wants its customer: of a payment, and of an invoice that is paid.
#: https://docs.stripe.com/error-codes#invoice-payment-intent-requires-action
ASKS_OWNER = ("authentication_required", "invoice_payment_intent_requires_action")

#: Sent with what came of each request that was answered, or was not: ``answered``, ``declined``, ``refused``,
#: ``unanswered``, for who counts them.
outcomes = Signal()

#: What a message of Stripe's may hold and no log: keys, and addresses of people.
SECRET = re.compile(r"\b(sk|rk|pk|whsec)_\w+")
ADDRESS = re.compile(r"[^\s@'\"<>]+@[^\s@'\"<>]*\w")

T = TypeVar("T")
log = logging.getLogger(__name__)


class Topic:
    """The calls of one of Stripe's topics, for one app."""

    def __init__(self, client: stripe.StripeClient, config: Config) -> None:
        self._client, self._v1 = client, client.v1
        self._config = config


@timeouts.one_call()
def ask(call: Callable[[], T], *, may_refuse: bool = False) -> T:
    """What ``call`` returns, with Stripe's errors turned into ours. A refusal is logged and counted here.

    :param may_refuse: A refusal is an answer here, and nobody's fault: the caller knows what to do.
    :raises GatewayRefused: Stripe understood and said no; nothing came of it.
    :raises CardDeclined: The bank said no.
    :raises CardNeedsOwner: The bank wants its customer on a page.
    :raises GatewayUnavailable: Anything else: what came of it is unknown.
    """
    for attempt in range(BUSY_RETRIES + 1):
        try:
            answered = call()
            outcomes.send("answered")
            return answered
        except stripe.CardError as error:
            outcomes.send("declined")
            raise card_error(error) from error
        except (stripe.InvalidRequestError, stripe.AuthenticationError, stripe.PermissionError) as error:
            outcomes.send("refused")
            answer = refusal(error)
            if not may_refuse:
                note(answer)
            raise answer from error
        except Exception as error:  # a broken connection, a 500, HTML where JSON should be
            if is_busy(error) and attempt < BUSY_RETRIES:
                time.sleep(BUSY_PAUSE_S * 2**attempt * random.uniform(0.5, 1.5))
                continue
            outcomes.send("unanswered")
            # A certificate that does not fit is no bad day of the network: somebody is in between.
            level = logging.ERROR if timeouts.is_wrong_certificate(error.__cause__) else logging.WARNING
            log.log(level, "Stripe gave no answer: %s", type(error.__cause__ or error).__name__)
            unanswered = GatewayUnavailable("Stripe did not answer.")
            unanswered.key_is_spent = is_spent(error)
            raise unanswered from error
    raise AssertionError("unreachable: the last attempt returns or raises")


def ask_for(call: Callable[[], T]) -> T | None:
    """What ``call`` returns; ``None`` where Stripe knows no such object."""
    try:
        return ask(call, may_refuse=True)
    except GatewayRefused as error:
        if error.missing is None:
            note(error)
            raise
        return None


def walk(
    fetch_page: Callable[[Any], Any], params: dict[str, Any], *, may_refuse: bool = False
) -> Iterator[Any]:
    """Every object of a list, newest first, page by page; ``may_refuse`` as in ``ask``.

    Not the SDK's ``auto_paging_iter``: it ends for good on the first 429.
    """
    while True:
        query = {**params, "limit": 100}
        page = ask(lambda query=query: fetch_page(query), may_refuse=may_refuse)  # type: ignore[misc]
        yield from page.data
        if not page.has_more:
            return
        params = {**params, "starting_after": page.data[-1].id}


def created(since: datetime | None, until: datetime | None = None) -> dict[str, Any]:
    """The filter of a list for what was made at or after ``since``, up to ``until``, by Stripe's own time."""
    moments = {"gte": since, "lte": until}
    limits = {name: int(moment.timestamp()) for name, moment in moments.items() if moment}
    return {"created": limits} if limits else {}


def is_busy(error: Exception) -> bool:
    """Whether it is a matter of a moment: too many requests, or one with the same key is at work."""
    status = error.http_status if isinstance(error, stripe.StripeError) else None
    return status in (409, 429)


def is_spent(error: Exception) -> bool:
    """Whether Stripe gives this answer to whatever comes under the request's key, for as long as it keeps it.

    It keeps a 500, too; and it refuses a key that has asked for something else.
    https://docs.stripe.com/api/idempotent_requests
    """
    headers = (error.headers if isinstance(error, stripe.StripeError) else None) or {}
    return "idempotent-replayed" in headers or isinstance(error, stripe.IdempotencyError)


def refusal(error: stripe.StripeError) -> GatewayRefused:
    param = getattr(error, "param", None)
    missing = param or "id" if error.code == "resource_missing" else None
    words = str(error.user_message or error)
    return GatewayRefused(
        ADDRESS.sub("...", SECRET.sub(r"\1_...", words)),
        missing=missing,
        reason=error.code or type(error).__name__,
        param=param,
        request_id=getattr(error, "request_id", None),
    )


def note(answer: GatewayRefused) -> None:
    """Log a refusal with Stripe's words, and let it be counted.

    Not counted is what ``doctor`` finds otherwise, a wrong key or address, and a customer who is made anew.
    """
    log.warning("Stripe refuses: %s (code %s, request %s)", answer, answer.reason, answer.request_id)
    is_known = answer.reason == stripe.AuthenticationError.__name__ or answer.param == "email"
    if not is_known and answer.missing != "customer":
        refused.send(answer)


def card_error(error: stripe.CardError) -> CardDeclined | CardNeedsOwner:
    if error.code in ASKS_OWNER:
        return CardNeedsOwner("Your bank asks you to confirm this payment.")
    return CardDeclined(
        "The card was declined.", reason=getattr(error.error, "decline_code", None) or error.code
    )
