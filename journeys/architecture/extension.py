"""Which room of flask_prepaid may import which: a tower, from the bottom up."""

from __future__ import annotations

from types import EllipsisType

#: What every folder from ``outbox`` up may import, and its docstring calls the ground.
GROUND = {"checks", "context", "errors", "languages", "money", "signals"}

CHARTER: dict[str, set[str] | EllipsisType] = {
    "errors": set(),
    "money": set(),
    # The reader's language: words by catalogues, and how numbers and times are written.
    "languages": {"money"},
    # What a developer writes is checked here: settings, the price list, and what the host hands over.
    "checks": {"errors"},
    "files": {"errors"},
    "kinds": {"checks", "errors", "files"},
    "config": {"checks", "errors", "kinds"},
    "host": {"catalog", "checks", "config", "errors", "files", "languages"},
    "signals": set(),
    "uncommitted": {"checks"},
    "upgrade": set(),
    "migrations": set(),
    "testing": {"upgrade"},
    "catalog": {"checks", "errors", "languages", "money"},
    # The one door to Stripe knows no table.
    "gateway": {"config", "errors", "languages"},
    "context": {"catalog", "config", "gateway", "signals", "uncommitted"},
    # Programs come in by keys, and buy by calls.
    "keys": {"checks", "errors", "languages", "signals", "uncommitted"},
    "fast_path": {"checks", "context", "errors", "keys"},
    # What is told: below what tells it, and it takes its time limits of HTTP from the gateway.
    "outbox": {*GROUND, "gateway"},
    # What is sold: rows first, then plans, then what is bought once.
    "payments": {*GROUND, "catalog", "config", "gateway", "outbox"},
    "codes": {*GROUND, "payments"},
    "subscriptions": {*GROUND, "catalog", "gateway", "payments"},
    "purchases": {*GROUND, "catalog", "gateway", "outbox", "payments", "subscriptions"},
    # Reports read what is sold, have the ledger draw, and write their sums and the marks of what is counted:
    # Payment.failure_counted, SubscriptionChange.counted.
    "reports": {*GROUND, "codes", "gateway", "payments", "subscriptions"},
    # What runs by itself or by cron.
    "operations": {
        *GROUND,
        *("codes", "fast_path", "files", "gateway", "host", "keys", "outbox", "payments"),
        *("purchases", "reports", "subscriptions"),
        "upgrade",
    },
    # Pages and commands are on top, and meet the app as a context.
    "web": {
        *GROUND,
        *("catalog", "codes", "fast_path", "files", "gateway", "keys"),
        *("operations", "outbox", "payments", "purchases", "subscriptions", "upgrade"),
    },
    "web/operator": {
        *GROUND,
        *("codes", "operations", "outbox", "payments", "purchases", "reports", "subscriptions", "web"),
    },
    "web/api": {
        *GROUND,
        *("catalog", "gateway", "keys", "payments", "purchases", "subscriptions", "web"),
    },
    "cli": {
        *GROUND,
        *("codes", "config", "gateway", "keys", "operations", "outbox", "payments", "purchases"),
        *("reports", "subscriptions", "upgrade"),
    },
    "costs": {"checks", "errors", "keys", "payments", "web"},
    # What a host meets.
    "extension": ...,
    "__init__": ...,
}
