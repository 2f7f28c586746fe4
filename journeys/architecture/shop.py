"""Who may import whom."""

from __future__ import annotations

from types import EllipsisType

CHARTER: dict[str, set[str] | EllipsisType] = {
    "models": set(),
    "edge": {"callers", "migrations", "models", "rate_limits"},
    "errors": {"models"},
    "callers": {"models"},
    "audit_log": {"callers", "models", "rate_limits"},
    "mails": {"callers", "models"},
    "operators": {"audit_log", "callers", "models"},
    "rate_limits": set(),
    "shop": {"callers", "edge", "mails", "models", "operators", "rate_limits"},
    "numbers": {"callers", "errors", "models"},
    "usage": {"audit_log", "callers", "edge", "models", "rate_limits"},
    "accounts": {"audit_log", "callers", "edge", "mails", "models", "rate_limits", "shop"},
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
