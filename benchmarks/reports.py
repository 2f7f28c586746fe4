"""How long does each report take on a million movements, entries and changes of plans?

On SQLite and PostgreSQL: the rows are loaded in bulk. The sums that reports read are made by the code that
``tick`` uses; only those of movements, which ``sync`` makes page by page, are made by one statement each.
Then each report is asked for several times. The last line is one JSON
object: for each report ``ms`` of processor time (ours and the database's, which a busy machine changes
less), ``wall_ms`` of the quickest round, and ``over_count``: processor time over that of a bare
``SELECT count(*)`` of the same rows.

``--rows`` is 1,000,000 by default.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from parts.databases import for_sqlalchemy, make, postgresql
from parts.loading import load
from sqlalchemy import text

from flask_prepaid import Prepaid
from flask_prepaid.payments.models import Payment, PaymentState, Via
from flask_prepaid.reports import credits, failures, plan_revenue, sales, sales_cuts
from flask_prepaid.reports.models import Movement
from flask_prepaid.reports.selection import Selection
from flask_prepaid.reports.sums import counting
from flask_prepaid.subscriptions.models import (
    Invoice,
    Move,
    PlanPrice,
    State,
    Subscription,
    SubscriptionChange,
)
from prepaid_ledger.database import Base
from prepaid_ledger.slots import slot_of
from prepaid_ledger.tables import Entry, Kind, Lot, Wallet

BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
DAYS = 540
OWNERS = 20_000
WALLETS = 1_000
ROUNDS = 5
STEPS = 5


def shop(url: str) -> tuple[Flask, Prepaid]:
    app = Flask("bench")
    app.config.update(TESTING=True, SECRET_KEY="bench", SQLALCHEMY_DATABASE_URI=url)
    prepaid = Prepaid(app, SQLAlchemy(app), owner=lambda: None, clock=lambda: BEGIN + timedelta(days=DAYS))
    with app.app_context():
        prepaid.upgrade()
    return app, prepaid


def moved(n: int, total: int) -> dict[str, Any]:
    """Ten charges, then a refund; two currencies, five products, four countries."""
    at = BEGIN + timedelta(seconds=n * DAYS * 86_400 // total)
    refund = n % 11 == 10
    return {
        "id": f"txn_{n}",
        "category": "refund" if refund else "charge",
        "currency": "usd" if n % 5 else "eur",
        "amount_minor": -500 if refund else 1_000,
        "fee_minor": 0 if refund else 59,
        "original_minor": 0,
        "net_minor": -500 if refund else 941,
        "discount_minor": 0,
        "tax_minor": 0,
        "owner": f"user:{n * 7_919 % OWNERS}",
        "product": f"pack-{n % 5}",
        "country": ("US", "DE", "GB", "BR")[n % 4],
        "created_at": at,
        "day": at.date(),
    }


def movements(rows: int) -> Iterator[dict[str, Any]]:
    return (moved(n, rows) for n in range(rows))


#: As ``sync`` adds them up, page by page.
DAY_SUMS = """
INSERT INTO prepaid_day_sum
  (day, currency, category, product, country, movements, amount_minor, fee_minor, discount_minor, tax_minor)
SELECT day, currency, category, product, country,
  count(*), sum(amount_minor), sum(fee_minor), sum(discount_minor), sum(tax_minor)
FROM prepaid_movement GROUP BY day, currency, category, product, country
"""

OWNER_SUMS = """
INSERT INTO prepaid_owner_sum (currency, owner, gross_minor)
SELECT currency, owner, sum(amount_minor) FROM prepaid_movement
WHERE category = 'charge' GROUP BY currency, owner
"""


def wallets(rows: int) -> Iterator[dict[str, Any]]:
    """Each has spent all of its credits but one; drawn already."""
    each = rows // WALLETS
    drawn = {"seq": each, "drawn_seq": each, "moved_at": BEGIN, "created_at": BEGIN}
    for wallet in range(1, WALLETS + 1):
        owner = f"user:{wallet}"
        yield {
            "id": wallet,
            "slot": slot_of(owner),
            "owner": owner,
            "balance": 1,
            "held": 0,
            "debt": 0,
            **drawn,
        }


def entries(rows: int) -> Iterator[dict[str, Any]]:
    """One allowance for each wallet, and spends of all but one of its credits."""
    each = rows // WALLETS
    return (entry(wallet, seq, each) for wallet in range(1, WALLETS + 1) for seq in range(1, each + 1))


def entry(wallet: int, seq: int, each: int) -> dict[str, Any]:
    return {
        "wallet_id": wallet,
        "slot": slot_of(f"user:{wallet}"),
        "seq": seq,
        "kind": Kind.ALLOWANCE if seq == 1 else Kind.SPEND,
        "key": f"bench:{seq}",
        "credits": each if seq == 1 else -1,
        "debt": 0,
        "amount_minor": 1_000 if seq == 1 else None,
        "currency": "usd" if seq == 1 else None,
        "balance_after": each + 1 - seq,
        "at": BEGIN + timedelta(seconds=seq * DAYS * 86_400 // each),
    }


def lots(rows: int) -> Iterator[dict[str, Any]]:
    lot = {"seq": 1, "origin": 1, "left_over": 1, "held": 0, "ended": False, "paid": True}
    return (
        {"wallet_id": wallet, "slot": slot_of(f"user:{wallet}"), **lot} for wallet in range(1, WALLETS + 1)
    )


def plan_prices(rows: int) -> Iterator[dict[str, Any]]:
    yield {
        "id": "price_1",
        "plan": "small",
        "title": "Small",
        "credits": 20,
        "roll_over": 0,
        "amount_minor": 1_500,
        "currency": "usd",
        "interval": "month",
        "interval_count": 1,
    }


def subscriptions(rows: int) -> Iterator[dict[str, Any]]:
    for owner in range(1, rows // STEPS + 1):
        yield {
            "id": owner,
            "owner": f"user:{owner}",
            "state": State.CANCELED,
            "price_id": "price_1",
            "quantity": 1,
            "trial_days": 0,
            "trial_credits": 0,
            "checks": 0,
            "idempotency_key": f"bench-{owner}",
            "created_at": BEGIN,
        }


BEGINS = (Move.NEW, State.ACTIVE, 0, 1_500)
GROWS = (Move.EXPANSION, State.ACTIVE, 1_500, 4_200)
OWES = ((Move.OTHER, State.PAST_DUE, 4_200, 4_200), (Move.OTHER, State.ACTIVE, 4_200, 4_200))
SHRINKS = ((Move.CONTRACTION, State.ACTIVE, 4_200, 1_500), GROWS)
ENDS = (Move.CHURN, State.CANCELED, 4_200, 0)


def changes(rows: int) -> Iterator[dict[str, Any]]:
    """Each customer begins, grows, shrinks, grows and ends; one in ten falls into arrears once, and pays."""
    number, many = 0, rows // STEPS
    for owner in range(1, many + 1):
        begun = begun_at(owner, many)
        steps = (BEGINS, GROWS, *(OWES if owner % 10 == 0 else SHRINKS), ENDS)
        for days_on, (move, state, before, after) in zip((0, 20, 50, 54, 100), steps, strict=True):
            number += 1
            yield {
                "id": number,
                "subscription_id": owner,
                "owner": f"user:{owner}",
                "at": begun + timedelta(days=days_on),
                "move": move,
                "state": state,
                "plan": "small",
                "quantity": 1,
                "currency": "usd",
                "mrr_before_minor": before,
                "mrr_after_minor": after,
                "counted": False,
            }


def begun_at(owner: int, many: int) -> datetime:
    return BEGIN + timedelta(seconds=owner * DAYS * 86_400 * 3 // (4 * many))


def invoices(rows: int) -> Iterator[dict[str, Any]]:
    """One a month for each plan, as long as it ran."""
    number, many = 0, rows // STEPS
    for owner in range(1, many + 1):
        for month in range(4):
            number += 1
            at = begun_at(owner, many) + timedelta(days=25 * month)
            yield {
                "id": number,
                "subscription_id": owner,
                "stripe_id": f"in_{number}",
                "state": "paid",
                "total_minor": 4_200 if month else 1_500,
                "due_minor": 0,
                "currency": "usd",
                "created_at": at,
                "fetched_at": at,
            }


def payments(rows: int) -> Iterator[dict[str, Any]]:
    """Every fiftieth is refused by the bank; one in five of those never comes back."""
    return (paid(n, rows) for n in range(rows))


def paid(n: int, total: int) -> dict[str, Any]:
    at = BEGIN + timedelta(seconds=n * DAYS * 86_400 // total)
    failed = n % 50 == 49
    return {
        "id": n + 1,
        "owner": f"new:{n}" if failed and n // 50 % 5 == 0 else f"user:{(n * 7_919 + n // 50) % OWNERS}",
        "via": Via.CARD,
        "state": PaymentState.FAILED if failed else PaymentState.PAID,
        "title": "Starter",
        "credits": 10,
        "amount_minor": 1_000,
        "discount_minor": 0,
        "tax_minor": 0,
        "refunded_minor": 0,
        "checks": 0,
        "currency": "usd",
        "idempotency_key": f"bench-{n}",
        "failure": "card_declined" if failed else None,
        "created_at": at,
        "paid_at": None if failed else at,
    }


#: What is loaded, in this order.
LOADED: tuple[tuple[type[Base], Callable[[int], Iterator[dict[str, Any]]]], ...] = (
    (Movement, movements),
    (Wallet, wallets),
    (Entry, entries),
    (Lot, lots),
    (PlanPrice, plan_prices),
    (Subscription, subscriptions),
    (SubscriptionChange, changes),
    (Invoice, invoices),
    (Payment, payments),
)


def fill(prepaid: Prepaid, rows: int) -> None:
    for table, made in LOADED:
        load(prepaid.engine, Base.metadata.tables[table.__tablename__], made(rows))
    with prepaid.engine.begin() as connection:
        for sums in (DAY_SUMS, OWNER_SUMS):
            connection.execute(text(sums))


class Watch:
    """Processor time: this process's, and that of the database's own process where it has one."""

    def __init__(self, prepaid: Prepaid) -> None:
        self.session = prepaid.session
        self.server: int | None = None
        if prepaid.engine.dialect.name == "postgresql":
            self.session.execute(text("SET max_parallel_workers_per_gather = 0"))  # one process does it all
            self.server = self.session.scalar(text("SELECT pg_backend_pid()"))

    def cpu_s(self) -> float:
        if self.server is None:
            return time.process_time()
        user, system = Path(f"/proc/{self.server}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
        return time.process_time() + (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def time(self, work: Callable[[], object]) -> dict[str, float]:
        """Of some rounds the mean of processor time, and the quickest; a first one warms up."""
        work()
        walls, cpu = [], self.cpu_s()
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            work()
            walls.append(time.perf_counter() - begun)
        spent = (self.cpu_s() - cpu) / ROUNDS
        return {"ms": round(1_000 * spent, 1), "wall_ms": round(1_000 * min(walls), 1)}


def measure(url: str, rows: int) -> dict[str, Any]:
    app, prepaid = shop(url)
    with app.app_context():
        print(f"loading {prepaid.engine.dialect.name}", file=sys.stderr, flush=True)
        fill(prepaid, rows)
        tidy(prepaid)
        begun = time.process_time()
        counting.catch_up(prepaid)
        counting_s = time.process_time() - begun
        tidy(prepaid)
        taken = reports(prepaid)
        prepaid.session.close()
        prepaid.engine.dispose()
    return {**taken, "rows_counted_per_cpu_s": round(2 * rows / counting_s)}


def tidy(prepaid: Prepaid) -> None:
    """As PostgreSQL does by itself in time. SQLite plans without statistics, as it does in the shop."""
    if prepaid.engine.dialect.name == "postgresql":
        with prepaid.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))


def reports(prepaid: Prepaid) -> dict[str, Any]:
    session, last = prepaid.session, BEGIN.date() + timedelta(days=DAYS)
    year = Selection(date(2025, 7, 1), date(2026, 6, 24))
    month = Selection(date(2026, 1, 1), date(2026, 1, 31), by="month")
    ever = Selection(BEGIN.date(), last, by="month")
    wanted: dict[str, Callable[[], object]] = {
        "sales_by_day": lambda: sales.sales(session),
        "sales_by_month": lambda: sales.sales(session, Selection(by="month")),
        "sales_by_product": lambda: sales_cuts.sales_by(session, "product"),
        "sales_by_country": lambda: sales_cuts.sales_by(session, "country"),
        "customers_of_a_month": lambda: sales_cuts.sales_by(session, "customer", month),
        "customers_of_a_year": lambda: sales_cuts.sales_by(session, "customer", year),
        "customers_of_half": lambda: sales_cuts.sales_by(
            session, "customer", Selection(last=BEGIN.date() + timedelta(DAYS // 2))
        ),
        "customers_ever": lambda: sales_cuts.sales_by(session, "customer"),
        "credits_by_day": lambda: credits.credits(session),
        "owed": lambda: credits.owed(session),
        "worth": lambda: credits.worth(session),
        "mrr": lambda: plan_revenue.months(session, ever, currency="usd"),
        "cohorts": lambda: plan_revenue.cohorts(session, ever.span, currency="usd"),
        "failures": lambda: failures.failures(prepaid, Selection(by="month")),
        "failures_of_a_month": lambda: failures.failures(prepaid, month),
    }
    watch = Watch(prepaid)
    count = watch.time(lambda: session.scalar(text("SELECT count(*) FROM prepaid_movement")))
    taken: dict[str, Any] = {"count": count}
    for name, work in wanted.items():
        timing = watch.time(work)
        taken[name] = {**timing, "over_count": round(timing["ms"] / max(count["ms"], 0.1), 2)}
    taken["slowest_ms"] = max(figures["ms"] for name, figures in taken.items())
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--only", choices=["sqlite", "postgresql"])
    options = parser.parse_args()
    results: dict[str, Any] = {}
    if options.only != "postgresql":
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            results["sqlite"] = measure(f"sqlite:///{Path(folder) / 'bench.sqlite3'}", options.rows)
    if options.only != "sqlite":
        with postgresql() as server:
            results["postgresql"] = measure(for_sqlalchemy(make(server, "reports")), options.rows)
    for kind, taken in results.items():
        for name, timing in taken.items():
            print(kind, name, timing)
    print(json.dumps({"bench": "reports", "rows": options.rows, **results}))


if __name__ == "__main__":
    main()
