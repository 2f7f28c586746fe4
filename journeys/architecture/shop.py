"""Who may import whom."""

from __future__ import annotations

from types import EllipsisType

CHARTER: dict[str, set[str] | EllipsisType] = {
    "models": set(),
    "edge": {"callers", "limits", "migrations", "models"},
    "errors": {"models"},
    "callers": {"models"},
    "audit_log": {"callers", "limits", "models"},
    "mails": {"callers", "models"},
    "operators": {"audit_log", "callers", "models"},
    "limits": set(),
    "shop": {"callers", "edge", "limits", "mails", "models", "operators"},
    "numbers": {"callers", "errors", "models"},
    "usage": {"audit_log", "callers", "edge", "limits", "models"},
    "accounts": {"audit_log", "callers", "edge", "limits", "mails", "models", "shop"},
    "api": {
        "accounts",
        "callers",
        "edge",
        "errors",
        "models",
        "numbers",
        "usage",
    },
    "pages": {"callers", "errors", "models", "numbers", "usage"},
    "production": set(),
    "config": {"production"},
    "demo": {"accounts", "models", "numbers", "shop"},
    "about": set(),
    "cli": {"demo", "migrations", "models"},
    "__init__": ...,
    "asgi": {"__init__", "api", "config", "edge", "models"},
    "migrations": {"models"},
}
