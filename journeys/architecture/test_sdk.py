"""What we use of Stripe's SDK is there: a new major that moves something fails here, with a list."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import stripe

from .charters import CHARTERS
from .imports import Package

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
