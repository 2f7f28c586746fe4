"""A made-up month or two in a shop, and the same counted anew by nothing of the shop's own."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import stripe
from sqlalchemy import text

from ..shop import Shop

#: Day by day and currency by currency: gross, refunds, disputes, fees.
Recount = dict[tuple[str, str], Counter[str]]


def client_of(shop: Shop) -> stripe.StripeClient:
    return stripe.StripeClient("sk_test_shop", http_client=shop.stripe.http_client())


def live(shop: Shop, days: int, seed: int = 1) -> None:
    """Some buy, some spend, some want their money back, by chance."""
    shop.stripe.settlement(currencies=["usd", "jpy"])  # so that nothing is converted
    chance = random.Random(seed)
    disputes: list[str] = []
    for day in range(days):
        shop.stripe.advance(hours=chance.randint(9, 30))
        for owner in (f"user:{n}" for n in range(1, 5)):
            if chance.random() < 0.5:
                choice = chance.choice(
                    [{"pack": "starter"}, {"pack": "bonus"}, {"pack": "tokyo"}, {"credits": "7"}]
                )
                shop.pay(shop.buy(owner, **choice))
        spend(shop, chance, f"day:{seed}:{day}")
        give_back(shop, chance, disputes)
    shop.tick()


def spend(shop: Shop, chance: random.Random, key: str) -> None:
    with shop.app.app_context():
        for owner in (f"user:{n}" for n in range(1, 5)):
            wallet = shop.prepaid.wallet(owner)
            if wallet.available > 4 and not wallet.debt:
                shop.prepaid.spend_now(owner, credits=chance.randint(1, wallet.available // 2), key=key)
            if chance.random() < 0.1:
                shop.prepaid.grant(owner, chance.randint(1, 9), key=f"gift:{key}", reason="luck")
                shop.prepaid.session.commit()


def give_back(shop: Shop, chance: random.Random, disputes: list[str]) -> None:
    """A refund, a dispute, the end of a dispute, a payout: each on some days."""
    client = client_of(shop).v1
    charges = [
        charge
        for charge in client.charges.list({"limit": 20}).data
        if not (charge.refunded or charge.disputed)
    ]
    if charges and chance.random() < 0.3:
        charge = chance.choice(charges)
        client.refunds.create(
            {"charge": charge.id, "amount": chance.randint(1, charge.amount - charge.amount_refunded)}
        )
        charges.remove(charge)
    if charges and chance.random() < 0.15:
        disputes.append(shop.stripe.dispute(chance.choice(charges).id)["id"])
    if disputes and chance.random() < 0.3:
        shop.stripe.dispute(dispute=disputes.pop(), outcome=chance.choice(["won", "lost"]))
    if chance.random() < 0.05:
        client.payouts.create({"amount": 100, "currency": "usd"})


def movements(shop: Shop) -> Iterator[Any]:
    """Stripe's own list, one page after the other."""
    yield from client_of(shop).v1.balance_transactions.list({"limit": 100}).auto_paging_iter()


def recount_sales(shop: Shop, zone: str = "UTC") -> Recount:
    """From Stripe's list alone, by the type of each, not by the category that the reports go by."""
    days: Recount = defaultdict(Counter)
    for moved in movements(shop):
        if moved.type == "payout":
            continue
        day = datetime.fromtimestamp(moved.created, ZoneInfo(zone)).date().isoformat()
        cell = days[day, moved.currency]
        cell["fees_minor"] += moved.fee
        cell["net_minor"] += moved.net
        if moved.type == "charge":
            cell["gross_minor"] += moved.amount
        elif moved.type in ("refund", "payment_failure_refund", "refund_failure"):
            cell["refunds_minor"] -= moved.amount
        else:
            assert moved.type == "adjustment", moved.type
            cell["disputes_minor"] -= moved.amount
    return days


def recount_credits(shop: Shop, zone: str = "UTC") -> dict[str, Counter[str]]:
    """From the lines of the ledger as they lie in the table."""
    columns = {
        "purchase": "sold",
        "allowance": "sold",
        "grant": "given",
        "spend": "spent",
        "reversal": "spent",
        "expiry": "expired",
        "clawback": "clawed_back",
        "adjustment": "adjusted",
    }
    days: dict[str, Counter[str]] = defaultdict(Counter)
    with shop.app.app_context():
        rows = shop.prepaid.session.execute(text('SELECT "at", kind, credits FROM prepaid_entry')).all()
    for at, kind, credits in rows:
        written = datetime.fromisoformat(str(at))  # SQLite keeps no zone
        moment = (written if written.tzinfo else written.replace(tzinfo=UTC)).astimezone(ZoneInfo(zone))
        came_in = columns[kind] in ("sold", "given", "adjusted")
        days[moment.date().isoformat()][columns[kind]] += credits if came_in else -credits
    return days
