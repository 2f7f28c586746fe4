"""What the shop is to browsers: its address, its cookies, and how much one may send it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from .values import number


def base_url(environ: Mapping[str, str]) -> str:
    """The address that customers see, as browsers name it; empty where none is set."""
    return environ.get("RANDO_BASE_URL", "").rstrip("/").lower()


def settings(environ: Mapping[str, str]) -> dict[str, Any]:
    """Over https the cookies can't be set by a neighbour or read on the way."""
    address = base_url(environ)
    secure = address.startswith("https://")
    return {
        "BASE_URL": address,
        "PREPAID_BASE_URL": address,
        "PROXY_HOPS": number(environ, "RANDO_PROXY_HOPS", 0, max=16),
        "PREFERRED_URL_SCHEME": "https" if secure else "http",
        "SESSION_COOKIE_NAME": "__Host-session" if secure else "session",
        "SESSION_COOKIE_SECURE": secure,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "PERMANENT_SESSION_LIFETIME": timedelta(days=14),
        "SESSION_REFRESH_EACH_REQUEST": False,  # a picture that comes late would bring back an old session
        "WTF_CSRF_TIME_LIMIT": None,  # a token lives as long as its session
        "MAX_CONTENT_LENGTH": 256 * 1024,
        "MAX_WEBHOOK_LENGTH": 1024 * 1024,
        "MAX_FORM_MEMORY_SIZE": 64 * 1024,
        "MAX_FORM_PARTS": 100,
    }
