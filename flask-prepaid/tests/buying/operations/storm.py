"""Purchases in a storm: every webhook three times and shuffled, one API call in twenty failing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import count

from ..shop import Shop

OWNERS = 5


@dataclass(frozen=True)
class Toll:
    """What the storm did. ``lost`` and ``doubled`` are credits; ``drift`` is what could not be mended."""

    bought: int
    lost: int
    doubled: int
    charged_minor: int
    drift: int


def storm(shop: Shop, purchases: int, *, seed: int = 7) -> Toll:
    """Sell so often, let the storm end, and mend what it left: one tick, one ``reconcile --fix``.

    A customer who is told that Stripe does not answer presses again.
    """
    shop.stripe.chaos(duplicate=1.0, shuffle=True, api_500=0.05, lost_reply=0.05, api_429=0.02, seed=seed)
    bought = 0
    for number in count():
        if bought == purchases:
            break
        sent = shop.send_form(shop.browser(f"user:{number % OWNERS}"), "/prepaid/buy", pack="starter")
        if sent.status_code == 303:
            session = shop.session_of(sent)
            shop.pay(session)
            for type in ("checkout.session.completed", "payment_intent.succeeded"):
                shop.stripe.deliver(type)  # once more than the two copies that the storm makes of each
            bought += 1
    shop.stripe.chaos()
    shop.put_right(ticks=1)
    drift = json.loads(shop.command("reconcile", "--json", "--fix").stdout)["drift"]
    given = sum(shop.balance(f"user:{number}") for number in range(OWNERS))
    client = shop.dashboard()
    intents = client.v1.payment_intents.list({"limit": 100}).auto_paging_iter()
    return Toll(
        bought=bought,
        lost=max(0, 100 * bought - given),
        doubled=max(0, given - 100 * bought),
        charged_minor=sum(intent.amount_received for intent in intents),
        drift=len(drift),
    )
