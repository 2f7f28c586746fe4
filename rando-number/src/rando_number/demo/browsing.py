"""The browser of a made-up customer: it opens pages, and sends their forms as they stand there."""

from __future__ import annotations

import re

from flask import Flask
from werkzeug.test import TestResponse


class Browser:
    """One customer's cookies and address on the internet, at the shop that is ``app``."""

    def __init__(self, app: Flask, address: str) -> None:
        self._client = app.test_client()
        self._client.environ_base["REMOTE_ADDR"] = address
        self._shop: str | None = app.config["BASE_URL"] or None

    def open(self, path: str, **query: str) -> str:
        return self._client.get(path, query_string=query, base_url=self._shop).text

    def post(self, path: str, **fields: str) -> TestResponse:
        return self._client.post(path, data=fields, base_url=self._shop)

    def send(self, path: str, *, at: str | None = None, **fields: str) -> TestResponse:
        """Open a page, ``at`` or ``path`` itself, and send a form of it with its CSRF token."""
        token = hidden_fields(self.open(at or path)).get("csrf_token", "")
        return self.post(path, csrf_token=token, **fields)


def hidden_fields(page: str) -> dict[str, str]:
    """The hidden fields of all forms of a page, by name."""
    fields = {}
    for tag in re.findall(r"<input [^>]*>", page):
        attributes = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        if attributes.get("type") == "hidden" and "name" in attributes:
            fields[attributes["name"]] = attributes.get("value", "")
    return fields
