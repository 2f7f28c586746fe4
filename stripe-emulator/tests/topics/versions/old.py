"""Somebody on an older version, who calls by HTTP alone: today's SDK knows no other shapes."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote_plus

from stripe_emulator import Emulator
from stripe_emulator.api.request import Call

#: The last version before each one that changed something, oldest first.
BEFORE = ("2022-11-15", "2023-10-16", "2025-02-24.acacia", "2025-08-27.basil", "2026-02-25.clover")
ACACIA, BASIL, CLOVER, DAHLIA, ENDIVE = (
    "2025-02-24.acacia",
    "2025-08-27.basil",
    "2026-02-25.clover",
    "2026-08-26.dahlia",
    "2026-10-28.endive",
)


class Old:
    """A caller at a version; None names none."""

    def __init__(self, emulator: Emulator, version: str | None) -> None:
        self.emulator = emulator
        self.version = version

    def ask(self, verb: str, path: str, form: str = "") -> tuple[int, Any]:
        """Status and body of what is answered."""
        headers = {"authorization": "Bearer sk_test_old"}
        if self.version:
            headers["stripe-version"] = self.version
        query, body = (form, b"") if verb == "GET" else ("", form.encode())
        reply = self.emulator.api.answer(Call(verb, path, query, headers, body))
        return reply.status, json.loads(reply.body)

    def get(self, path: str, **form: Any) -> Any:
        return self._good("GET", path, form)

    def post(self, path: str, **form: Any) -> Any:
        return self._good("POST", path, form)

    def refused(self, verb: str, path: str, **form: Any) -> dict[str, Any]:
        """The error that a call gets."""
        status, body = self.ask(verb, path, encoded(form))
        assert status >= 400, body
        error: dict[str, Any] = body["error"]
        return error | {"status": status}

    def _good(self, verb: str, path: str, form: dict[str, Any]) -> Any:
        status, body = self.ask(verb, path, encoded(form))
        assert status == 200, body
        return body

    # What it needs to sell plans.

    def price(self, amount: int = 1000) -> str:
        product = self.post("/v1/products", name="Gold")
        recurring = {"interval": "month"}
        price = self.post(
            "/v1/prices", currency="usd", unit_amount=amount, product=product["id"], recurring=recurring
        )
        return str(price["id"])

    def customer(self) -> str:
        card = "pm_card_visa"
        settings = {"default_payment_method": card}
        customer = self.post(
            "/v1/customers", email="jo@example.com", payment_method=card, invoice_settings=settings
        )
        return str(customer["id"])

    def subscription(self, **more: Any) -> Any:
        form = {"customer": self.customer(), "items": [{"price": self.price()}]} | more
        return self.post("/v1/subscriptions", **form)


def encoded(form: dict[Any, Any], prefix: str = "") -> str:
    """A nested form as it goes over the wire."""
    parts = []
    for key, value in form.items():
        name = f"{prefix}[{key}]" if prefix else key
        if isinstance(value, list):
            parts.append(encoded(dict(enumerate(value)), name))
        elif isinstance(value, dict):
            parts.append(encoded(value, name))
        else:
            text = str(value).lower() if isinstance(value, bool) else str(value)
            parts.append(f"{quote_plus(name)}={quote_plus(text)}")
    return "&".join(part for part in parts if part)
