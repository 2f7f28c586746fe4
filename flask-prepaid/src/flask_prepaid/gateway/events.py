"""What Stripe sends to a webhook, and whether it is Stripe that sent it."""

from __future__ import annotations

import json
import re
import time

import stripe

from ..errors import BadSignature
from .calls import Topic, ask
from .values import Event, event_of

SIGNATURE_TOLERANCE_S = 300


class Events(Topic):
    def read(self, body: bytes, signature: str | None) -> Event:
        """The event in a webhook's raw body.

        :raises BadSignature: It is not from Stripe, is changed, too old or from the future.
        """
        try:
            self._verify(body.decode("utf-8"), signature or "")
            return event_of(json.loads(body))
        except BadSignature:
            raise
        # The SDK raises TypeError on a signature that is not ASCII; deep JSON raises RecursionError.
        except Exception as error:
            raise BadSignature(f"The body is not an event of Stripe's: {type(error).__name__}") from error

    def sign(self, body: str) -> str:
        """The header with which Stripe would send this body, by the first of our secrets."""
        secret = self._config.webhook_secrets[0]
        return str(stripe.WebhookSignature.generate_signature_header(body, secret))

    def latest(self) -> list[Event]:
        """The latest hundred events, newest first."""
        page = ask(lambda: self._v1.events.list({"limit": 100}))
        return [event_of(event.to_dict()) for event in page.data]

    def _verify(self, body: str, signature: str) -> None:
        """Any of the secrets will do, so that one can be replaced while events are on their way."""
        for secret in self._config.webhook_secrets:
            try:
                stripe.WebhookSignature.verify_header(body, signature, secret, SIGNATURE_TOLERANCE_S)
            except stripe.SignatureVerificationError:
                continue
            signed_at = int(re.search(r"(?:^|,)t=(\d+)", signature)[1])  # type: ignore[index]
            if signed_at > time.time() + SIGNATURE_TOLERANCE_S:  # the SDK looks at the past only
                raise BadSignature("The signature is dated in the future")
            return
        raise BadSignature("The signature fits none of the webhook secrets, or is too old")
