"""What a page or an answer says: its forms, its JSON, the number on the card."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

from werkzeug.test import TestResponse


def json_of(answer: TestResponse) -> dict[str, Any]:
    """The JSON object that came back."""
    fields = answer.json
    assert isinstance(fields, dict), answer.text
    return fields


def forms(page: str) -> dict[str, dict[str, str]]:
    """The forms of a page by the path that they lead to, each with its hidden fields."""
    reader = FormReader()
    reader.feed(page)
    return reader.forms


class FormReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: dict[str, dict[str, str]] = {}
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.fields = self.forms.setdefault(urlsplit(named.get("action", "")).path, {})
        if tag == "input" and named.get("type") == "hidden":
            self.fields[named["name"]] = named.get("value", "")


def number_on_card(page: str) -> str:
    """What the number card shows."""
    figure = re.search(r'id="number"[^>]*>\s*([^<\s]*)', page)
    assert figure is not None, page
    return figure[1]
