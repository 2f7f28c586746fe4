"""What we use of Stripe's SDK is there: a new major that moves something fails here, with a list."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import stripe

from .charters import CHARTERS
from .imports import ROOT, Package

#: What of Stripe's API is asked for, by its name in the SDK, and what the guide calls the right to it.
RIGHTS = {
    "balance": "the balance",
    "balance_transactions": "balance transactions",
    "checkout": "Checkout sessions",
    "credit_notes": "credit notes",
    "customers": "customers",
    "disputes": "disputes",
    "events": "events",
    "invoice_items": "invoices with their items",
    "invoice_payments": "invoices with their items and payments",
    "invoices": "invoices",
    "payment_intents": "payment intents",
    "payment_methods": "payment methods",
    "prices": "products and prices",
    "radar": "early fraud warnings",
    "refunds": "refunds",
    "subscription_schedules": "subscriptions and their schedules",
    "subscriptions": "subscriptions",
    "tax_ids": "tax ids",
    "webhook_endpoints": "webhook endpoints",
}

#: Whose code uses the SDK.
USERS = [package for package in CHARTERS if package.name in ("flask_prepaid", "stripe_emulator")]


def test_every_call_of_the_gateway_is_a_method_of_the_sdk() -> None:
    calls = {chain for package in USERS for chain in chains(package, "_v1")}
    client = stripe.StripeClient("sk_test_emulator")

    missing = {call for call in calls if not has(client, call)}

    assert len(calls) > 30
    assert missing == set()


def test_every_name_that_we_take_from_the_sdk_is_there() -> None:
    names = {chain for package in USERS for chain in chains(package, "stripe")}

    missing = {name for name in names if not has(stripe, name.removeprefix("stripe."))}

    assert len(names) > 10
    assert missing == set()


def test_the_guide_names_each_right_that_a_restricted_key_needs() -> None:
    (extension,) = (package for package in USERS if package.name == "flask_prepaid")
    needed = {call.split(".")[1] for call in chains(extension, "_v1")}
    guide = (ROOT / "docs/how-to/go-live.md").read_text().partition("## A restricted key")[2]

    assert needed == set(RIGHTS), "Write the right into RIGHTS, and into the guide's table."
    assert [right for right in RIGHTS.values() if right not in guide.partition("\n## ")[0]] == []


def chains(package: Package, root: str) -> Iterator[str]:
    """Each ``root.name.name`` of the package's code, such as ``v1.customers.create``."""
    for tree in package.trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute):
                text = ast.unparse(node).removeprefix("self.")
                if text.startswith(f"{root}.") and text.replace(".", "").replace("_", "").isalnum():
                    yield text.removeprefix("_")


def has(thing: object, path: str) -> bool:
    for name in path.split("."):
        if not hasattr(thing, name):
            return False
        thing = getattr(thing, name)
    return True
