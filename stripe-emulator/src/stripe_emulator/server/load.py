"""The topics whose objects the emulator serves, in the order of the tower."""

from __future__ import annotations

from importlib import import_module

TOPICS = {
    "events": ("event_routes", "core_events", "webhook_endpoints", "event_destinations"),
    "catalog": ("products", "prices", "tax_rates", "coupons", "promotion_codes"),
    "payments": (
        "balance_transactions",
        "balance",
        "payouts",
        "payment_methods",
        "customers",
        "charges",
        "direct_charges",
        "refunds",
        "disputes",
        "payment_intents",
        "setup_intents",
    ),
    "billing": (
        "subscription_routes",
        "subscription_items",
        "subscription_schedules",
        "invoice_routes",
        "invoiceitems",
        "invoice_payments",
        "credit_notes",
        "customer_balance_transactions",
        "billing_portal",
        "test_clocks",
    ),
    "checkout": ("sessions", "line_items", "payment_pages"),
}


def load() -> None:
    """Import every topic, so that its routes answer."""
    for topic, objects in TOPICS.items():
        for name in objects:
            import_module(f"stripe_emulator.{topic}.{name}")
