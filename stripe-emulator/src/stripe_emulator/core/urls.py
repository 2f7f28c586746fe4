"""Which addresses of pages and pictures Stripe takes."""

from __future__ import annotations

from stripe_emulator.core.errors import InvalidRequest


def check(url: str | None, param: str) -> None:
    """:raises InvalidRequest: It is there, and no address of the web."""
    if url and not url.startswith(("http://", "https://")):
        raise InvalidRequest(
            "Not a valid URL: an explicit scheme (such as https) must be provided.",
            code="url_invalid",
            param=param,
        )
