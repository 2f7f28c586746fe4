"""One emulated Stripe account: what a test holds in its hand, and what the command serves."""

from __future__ import annotations

from pathlib import Path

from flask import Flask

from stripe_emulator import app
from stripe_emulator.api import Api
from stripe_emulator.client import LocalHTTPClient
from stripe_emulator.deliveries import Courier
from stripe_emulator.store import Store


class Emulator:
    def __init__(self, data: str | Path | None = None, *, base_url: str = "http://127.0.0.1:12111") -> None:
        self.store = Store(data, base_url=base_url)
        self.api = Api(self.store)
        self.courier = Courier(self.store)
        self.app: Flask = app.create_app(self.api)

    def http_client(self) -> LocalHTTPClient:
        return LocalHTTPClient(self.api)
