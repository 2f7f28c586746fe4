"""What Flask-Prepaid is told: where its pages are, and the settings that keep its names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .values import flag

#: Where the extension's pages are, under the names that the article gave them.
PATHS = {
    "buy": "/buy-credits",
    "custom": "/buy-credits/custom",
    "return": "/buy-credits/return",
    "confirm": "/buy-credits/confirm",
    "invoice": "/buy-credits/invoice",
    "billing": "/billing",
    "cards": "/cards",
    "keys": "/api-keys",
    "plan": "/subscription",
    "redeem": "/redeem",
    "alerts": "/alerts",
    "endpoints": "/webhooks",
    "operator": "/admin",
    "webhook": "/prepaid/webhook",
}


def settings(environ: Mapping[str, str]) -> dict[str, Any]:
    """What the shop has settled, over what is set by the extension's own names."""
    return {
        **under_its_names(environ),
        "PREPAID_PATHS": PATHS,
        "PREPAID_BASE_TEMPLATE": "base.html",
        "PREPAID_BALANCE_LOW": 2,
        "PREPAID_INVOICES": flag(environ, "RANDO_INVOICES", True),
        "PREPAID_LOCAL_WEBHOOKS": flag(environ, "RANDO_LOCAL_WEBHOOKS", False),
    }


def under_its_names(environ: Mapping[str, str]) -> dict[str, str]:
    """The settings that keep the extension's names, such as ``PREPAID_SELLING``; it checks them itself."""
    return {
        name: value
        for name, value in environ.items()
        if value and name.startswith("PREPAID_") and not name.startswith("PREPAID_TEST_")
    }
