"""Tell Stripe what we sell and where to send its events. Safe to run again and again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import stripe_account, webhooks
from .subscriptions import prices

if TYPE_CHECKING:
    from .extension import Prepaid


@dataclass(frozen=True)
class Connected:
    """What was done at Stripe. ``secret`` is that of a new endpoint; Stripe never shows it again."""

    done: list[str]
    secret: str | None


def connect(prepaid: Prepaid, *, url: str | None = None) -> Connected:
    """Mirror the packs and plans to Stripe's products and prices, and set up the webhook at ``url``.

    A price is found by its lookup key, ``prepaid_<slug>``. Stripe's prices never change: a
    pack with a new price gets a new one, which takes the key over.
    """
    done = []
    for pack in prepaid.catalog.packs.values():
        key = f"prepaid_{pack.slug}"
        if stripe_account.mirror_price(prepaid.gateway, key, pack.title, pack.amount_minor, pack.currency):
            done.append(f"{pack.slug}: a price of its own at Stripe, lookup key {key}")
    for plan in prepaid.catalog.plans.values():
        price = prices.ensure(prepaid, plan)
        done.append(f"{plan.slug}: sold at Stripe's price {price.id}")
    secret = None
    if url is not None:
        secret = stripe_account.mirror_endpoint(prepaid.gateway, url, sorted(webhooks.HEARD))
        done.append(f"{url} hears {len(webhooks.HEARD)} types of events")
    return Connected(done, secret)


def listen_once(prepaid: Prepaid, seen: set[str]) -> list[str]:
    """Fetch the events that Stripe made lately and handle those that did not come here; their types."""
    handled = []
    for event in reversed(stripe_account.recent_events(prepaid.gateway)):
        if event.id in seen:
            continue
        webhooks.keep(prepaid, event)
        if webhooks.handle(prepaid, event):
            seen.add(event.id)
        handled.append(event.type)
    return handled
