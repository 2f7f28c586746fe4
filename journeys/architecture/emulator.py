"""Who may import whom in the emulator: a tower, each floor on all those below it."""

from __future__ import annotations

from types import EllipsisType

#: The floors from the ground up. A folder in a folder is a floor of its own: below the files of the
#: folder around it, but for ``core``, whose files are at the bottom of all.
#: ``controls`` is a file: what a test and the pages can do to the emulator.
TOWER = (
    "core",
    "core/database",
    "core/time",
    "contract/sources",
    "contract/responses",
    "contract/requests",
    "contract",
    "versions",
    "api",
    "events",
    "catalog/sums",
    "catalog/discounts",
    "catalog",
    "payments/account",
    "payments/balance",
    "payments/files",
    "payments/cards",
    "payments/methods",
    "payments/sources",
    "payments/customers",
    "payments/money_back",
    "payments/confirming",
    "payments/intents",
    "payments",
    "billing/metering",
    "billing/terms",
    "billing/invoices",
    "billing/credit_notes",
    "billing/lifecycle",
    "billing/subscriptions",
    "billing/schedules",
    "billing/previews",
    "billing/portal",
    "billing",
    "checkout/tax",
    "checkout/lines",
    "checkout/quotes",
    "checkout/completion",
    "checkout/modes",
    "checkout/sessions",
    "checkout",
    "controls",
    "pages/common",
    "pages/stripe_js",
    "pages/checkout",
    "pages/portal",
    "pages/papers",
    "pages/dashboard/frame",
    "pages/dashboard/controls",
    "pages/dashboard/objects",
    "pages/dashboard",
    "pages",
    "server",
)

CHARTER: dict[str, set[str] | EllipsisType] = {
    **{floor: set(TOWER[:height]) for height, floor in enumerate(TOWER)},
    "__init__": {"server"},
    "pytest_plugin": {"__init__"},
    "__main__": ...,
}
