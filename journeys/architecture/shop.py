"""Who may import whom."""

from __future__ import annotations

from types import EllipsisType

CHARTER: dict[str, set[str] | EllipsisType] = {
    "models": set(),
    "headers": set(),
    "errors": {"models"},
    "callers": {"models"},
    "audit": {"callers", "models"},
    "mails": {"callers"},
    "operators": {"audit", "callers", "models"},
    "limits": {"errors"},
    "keys": {"audit", "callers", "errors", "models"},
    "shop": {"callers", "mails", "models", "operators"},
    "numbers": {"callers", "errors", "keys", "models", "shop"},
    "usage": {"audit", "callers", "keys", "models", "numbers", "shop"},
    "accounts": {"audit", "callers", "keys", "limits", "mails", "models", "shop"},
    "api": {
        "accounts",
        "callers",
        "errors",
        "headers",
        "keys",
        "limits",
        "models",
        "numbers",
        "shop",
        "usage",
    },
    "pages": {"callers", "errors", "models", "numbers", "shop", "usage"},
    "health": {"models", "shop"},
    "config": {"accounts"},
    "demo": {"accounts", "callers", "models", "numbers", "shop"},
    "cli": {"demo", "models", "shop"},
    "__init__": ...,
    "asgi": {"__init__", "api", "config"},
    "migrations": set(),
}
