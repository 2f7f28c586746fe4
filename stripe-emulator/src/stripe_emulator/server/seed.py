"""A file of products, prices, customers and coupons to start with.

    {"products": [{"id": "credits", "name": "Credits"}],
     "prices": [{"lookup_key": "ten", "product": "credits", "currency": "usd", "unit_amount": 1000}]}

Each entry holds the parameters of Stripe's own create call, and an ``id`` if one is wanted. What
is there already, by its id or its lookup key, is left alone.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from stripe_emulator import contract
from stripe_emulator.api import routing
from stripe_emulator.core import ids
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import StripeError
from stripe_emulator.core.wire import decode, flat
from stripe_emulator.server.emulator import Emulator

#: In this order: a price names its product.
KINDS = {"products": "product", "prices": "price", "coupons": "coupon", "customers": "customer"}

#: Kinds whose create call takes an id anyway.
TAKES_ID = {"product", "coupon"}


class BadSeed(SystemExit):
    """The file cannot be read, or Stripe would refuse an entry; the message says which and why."""


def plant(emulator: Emulator, path: str | Path) -> None:
    """:raises BadSeed: What came before the bad entry stays."""
    content = _read(Path(path))
    for name in content.keys() - KINDS.keys():
        raise BadSeed(f"{path}: nothing is known of {name}; the sections are {', '.join(KINDS)}.")
    for section, kind in KINDS.items():
        for entry in content.get(section, []):
            _plant_one(emulator, section, kind, dict(entry), path)


def _plant_one(emulator: Emulator, section: str, kind: str, entry: dict[str, Any], path: str | Path) -> None:
    """Create one entry, unless it is there."""
    own_id = entry.pop("id", None)
    if kind in TAKES_ID and own_id:
        entry["id"] = own_id
    body = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in flat(entry))
    try:
        with emulator.store.transaction(), ids.chosen(kind, own_id):
            if not _is_there(kind, own_id, entry.get("lookup_key")):
                endpoint, _ = routing.match("POST", f"/v1/{section}")
                assert endpoint.route is not None
                endpoint.view(contract.read(endpoint.route, decode(body)))
    except StripeError as error:
        raise BadSeed(f"{path}: {section}: {error.message}") from None


def _is_there(kind: str, own_id: str | None, lookup_key: str | None) -> bool:
    if own_id and store.find(kind, own_id):
        return True
    return bool(lookup_key and store.select(kind, {"lookup_key": lookup_key}))


def _read(path: Path) -> dict[str, list[Any]]:
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix in (".yaml", ".yml"):
            try:
                import yaml
            except ImportError:
                raise BadSeed(f"{path}: install stripe-emulator[yaml] to read YAML.") from None
            content = yaml.safe_load(text)
        else:
            content = json.loads(text)
    except (OSError, ValueError) as error:
        raise BadSeed(f"{path}: {error}") from None
    if not isinstance(content, dict) or not all(isinstance(part, list) for part in content.values()):
        raise BadSeed(f"{path}: a seed is an object of lists: {', '.join(KINDS)}.")
    return content
