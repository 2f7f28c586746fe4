"""Which room of flask_prepaid may import which: a tower, from the bottom up."""

from __future__ import annotations

from types import EllipsisType

#: What every room above them may know.
GROUND = {"context", "errors", "money", "signals"}

CHARTER: dict[str, set[str] | EllipsisType] = {
    "errors": set(),
    "money": set(),
    "config": set(),
    "signals": set(),
    "upgrade": set(),
    "migrations": {"upgrade"},
    "testing": {"upgrade"},
    "catalog": {"errors", "money"},
    # The one door to Stripe knows no table.
    "gateway": {"config", "errors"},
    "context": {"catalog", "config", "gateway", "signals"},
    # What is sold: rows first, then plans, then what is bought once.
    "payments": {*GROUND, "catalog", "config", "gateway"},
    "subscriptions": {*GROUND, "catalog", "gateway", "payments"},
    "purchases": {*GROUND, "catalog", "gateway", "payments", "subscriptions"},
    # Reports read what is sold, have the ledger draw, and write their sums and the marks of what is counted:
    # Payment.failure_counted, SubscriptionChange.counted.
    "reports": {"context", "gateway", "payments", "subscriptions"},
    # What runs by itself or by cron.
    "operations": {*GROUND, "gateway", "payments", "purchases", "reports", "subscriptions", "upgrade"},
    # Pages and commands are on top, and meet the app as a context.
    "web": {*GROUND, "catalog", "gateway", "operations", "payments", "purchases", "subscriptions"},
    "web/operator": {*GROUND, "operations", "payments", "purchases", "reports", "subscriptions", "web"},
    "cli": {*GROUND, "config", "gateway", "operations", "payments", "purchases", "reports", "upgrade"},
    "costs": {"web"},
    # What a host meets.
    "extension": ...,
    "__init__": ...,
}
