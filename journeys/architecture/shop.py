"""Who may import whom."""

from __future__ import annotations

from types import EllipsisType

CHARTER: dict[str, set[str] | EllipsisType] = {
    "models": set(),
    "fields": set(),
    "hosts": set(),
    "streams": set(),
    "headers": set(),
    "errors": {"models"},
    "callers": {"models"},
    "audit_log": {"callers", "models"},
    "mails": {"callers"},
    "operators": {"audit_log", "callers", "models"},
    "limits": {"errors"},
    "keys": {"audit_log", "callers", "errors", "fields", "models"},
    "shop": {"callers", "mails", "models", "operators"},
    "numbers": {"callers", "errors", "keys", "models"},
    "usage": {"audit_log", "callers", "fields", "keys", "limits", "models", "numbers", "streams"},
    "accounts": {"audit_log", "callers", "keys", "limits", "mails", "models", "shop", "streams"},
    "api": {
        "accounts",
        "callers",
        "errors",
        "headers",
        "hosts",
        "keys",
        "limits",
        "models",
        "numbers",
        "streams",
        "usage",
    },
    "pages": {"callers", "errors", "models", "numbers", "usage"},
    "health": {"migrations"},
    "production": set(),
    "config": {"production"},
    "demo": {"accounts", "callers", "models", "numbers", "shop"},
    "cli": {"demo", "migrations", "models"},
    "__init__": ...,
    "asgi": {"__init__", "api", "config"},
    "migrations": {"models"},
}
