"""Tell Stripe what we sell and where to send its events. Safe to run again and again."""

from __future__ import annotations

from dataclasses import dataclass

from ..context import Context
from ..subscriptions import not_at_stripe, prices
from . import stripe_events


@dataclass(frozen=True)
class Connected:
    """What was done at Stripe. ``secret`` is that of a new endpoint; Stripe never shows it again.

    ``not_there``: owners of plans that run here and that this account does not have.
    """

    done: list[str]
    secret: str | None
    not_there: list[str]


def connect(context: Context, *, url: str | None = None, end_plans: bool = False) -> Connected:
    """Mirror the packs and plans to Stripe's products and prices, and set up the webhook at ``url``.

    A price is found by its lookup key, ``prepaid_<slug>``. Stripe's prices never change: a
    pack with a new price gets a new one, which takes the key over.

    :param end_plans: End the plans here that this account does not have: it never renews them.
    """
    done = []
    for pack in context.catalog.packs.values():
        for currency, amount in (pack.prices or {pack.currency: pack.amount_minor}).items():
            key = f"prepaid_{pack.slug}" + (f"_{currency}" if currency != pack.currency else "")
            _, is_new = context.gateway.prices.mirror(key, pack.title, amount_minor=amount, currency=currency)
            if is_new:
                done.append(f"{pack.slug}: a price of its own at Stripe, lookup key {key}")
    for plan in context.catalog.plans.values():
        for currency in plan.prices or [plan.currency]:
            price = prices.ensure(context, plan.sold_in(currency), ask=True)
            done.append(f"{plan.slug}: sold at Stripe's price {price.id}")
    secret = None
    if url is not None:
        secret = context.gateway.account.mirror_endpoint(url, sorted(stripe_events.HEARD))
        done.append(f"{url} hears {len(stripe_events.HEARD)} types of events")
    if end_plans:
        done += [
            f"the plan of {owner}: ended here, since it is not at Stripe"
            for owner in not_at_stripe.end_all(context)
        ]
    return Connected(done, secret, not_at_stripe.some(context))
