"""Stripe on the emulator, with some answers of ours in between."""

from __future__ import annotations

import json
from typing import Any

import stripe
from sqlalchemy import URL

from stripe_emulator import Emulator

from ..shop import Shop

Answer = tuple[str, int, dict[str, str]]


class Answering(stripe.HTTPClient):
    """Stripe's own client, with some answers of ours in between."""

    name = "answering"

    def __init__(self, emulator: Emulator) -> None:
        super().__init__()
        self.stripe = emulator.http_client()
        self.first: list[Answer] = []
        self.keys: list[str] = []
        self.asked: list[str] = []
        self.before_answer = no_more

    def request(self, method: str, url: str, headers: Any, post_data: Any = None, **_: Any) -> Any:
        self.asked.append(url)
        if method == "post":
            self.keys.append(headers["Idempotency-Key"])
            if self.first:
                return self.first.pop(0)
        answer = self.stripe.request(method, url, headers, post_data)
        if url.endswith("/v1/checkout/sessions") and method == "post":
            self.before_answer(json.loads(answer[0])["id"])
        return answer

    def _sleep_time_seconds(self, num_retries: int) -> float:
        return 0

    def close(self) -> None:
        """Nothing is held open."""


def no_more(session_id: str) -> None:
    """Nothing happens before Stripe answers."""


def refusal(status: int, code: str, type: str = "invalid_request_error") -> Answer:
    error = {"error": {"type": type, "code": code, "message": "Not now."}}
    return json.dumps(error), status, {"content-type": "application/json"}


def with_answers(database: URL, **settings: Any) -> tuple[Shop, Answering]:
    emulator = Emulator()
    between = Answering(emulator)
    shop = Shop(database, webhooks=False, emulator=emulator, http_client=between, **settings)
    return shop, between
