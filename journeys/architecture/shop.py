"""Who may import whom."""

from __future__ import annotations

from types import EllipsisType

CHARTER: dict[str, set[str] | EllipsisType] = {
    "columns": set(),
    "extensions": {"columns"},
    "owners": set(),
    "models": {"columns", "extensions", "owners"},
    "edge": {"callers", "extensions", "migrations", "models", "rate_limits"},
    "errors": {"callers", "extensions"},
    "callers": {"models", "owners"},
    "audit_log": {"callers", "extensions", "models", "rate_limits"},
    "mails": {"callers", "extensions"},
    "operators": {"audit_log", "callers", "extensions", "models", "owners"},
    "rate_limits": set(),
    "shop": {"callers", "edge", "extensions", "mails", "models", "operators", "rate_limits"},
    "numbers": {"callers", "errors", "models"},
    "usage": {"audit_log", "callers", "edge", "extensions", "models", "owners", "rate_limits"},
    "accounts": {
        "audit_log",
        "callers",
        "columns",
        "edge",
        "extensions",
        "mails",
        "models",
        "owners",
        "rate_limits",
        "shop",
    },
    "api": {
        "accounts",
        "callers",
        "edge",
        "errors",
        "extensions",
        "models",
        "numbers",
        "usage",
    },
    "pages": {"callers", "errors", "extensions", "numbers", "usage"},
    "config": set(),
    "demo": {"accounts", "columns", "extensions", "models", "numbers", "owners", "shop"},
    "about": set(),
    "cli": {"demo", "extensions", "migrations", "models", "owners"},
    "__init__": ...,
    "asgi": {"__init__", "api", "config", "edge", "extensions"},
    "migrations": {"columns", "extensions"},
}
