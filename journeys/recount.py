"""What the reports say, counted anew from Stripe's list and the lines of the ledger, by no code of ours."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

from .conftest import Running
from .test_newcomer import Visitor


def the_reports_are_a_recount(running: Running) -> None:
    """Each day in each currency, from Stripe's own list and the lines of the ledger, by no code of ours."""
    assert running.command("prepaid", "sync").exit_code == 0
    moved = list(listed(running, "balance_transactions"))

    sold = recount_sales(moved)
    for invoice in listed(running, "invoices", status="paid"):
        if less := sum(discount["amount"] for discount in invoice["total_discount_amounts"]):
            sold[day_of(invoice["status_transitions"]["paid_at"]), invoice["currency"]][
                "discounts_minor"
            ] += less
    assert lines(report(running, "sales"), "day", "currency") == sold
    assert lines(report(running, "credits"), "day") == recount_credits(running.data / "rando.sqlite3")
    held: Counter[str] = Counter()
    for part in [*(balance := ask_stripe(running, "balance"))["available"], *balance["pending"]]:
        held[part["currency"]] += part["amount"]
    for total in report(running, "sales")["totals"]:
        assert total["net_minor"] == held[total["currency"]]
    running_now = [
        subscription["items"]["data"][0]
        for subscription in listed(running, "subscriptions", status="all")
        if subscription["status"] in ("active", "past_due")
    ]
    monthly = sum(item["price"]["unit_amount"] * item["quantity"] for item in running_now)
    assert sum(total["closing_minor"] for total in report(running, "mrr")["totals"]) == monthly


def report(running: Running, what: str, *options: str) -> dict[str, Any]:
    done = running.command("prepaid", "report", what, "--json", *options)
    assert done.exit_code == 0, done.stderr
    return dict(json.loads(done.stdout))


def ask_stripe(running: Running, path: str, **query: object) -> dict[str, Any]:
    url = f"{running.emulator_url}/v1/{path}?{urlencode(query)}"
    request = Request(url, headers={"Authorization": "Bearer sk_test_emulator"})
    with build_opener(ProxyHandler({})).open(request, timeout=60) as answer:
        return dict(json.load(answer))


def listed(running: Running, path: str, **query: object) -> Iterator[dict[str, Any]]:
    more: dict[str, object] = {}
    while True:
        page = ask_stripe(running, path, limit=100, **query, **more)
        yield from page["data"]
        if not page["has_more"]:
            return
        more = {"starting_after": page["data"][-1]["id"]}


def lines(report: dict[str, Any], *keys: str) -> dict[Any, dict[str, int]]:
    """The rows of a report by their keys, without what is zero or follows from the others."""
    return {
        tuple(row[key] for key in keys): {
            name: value for name, value in row.items() if name not in (*keys, "change") and value
        }
        for row in report["rows"]
    }


def day_of(unix: int) -> str:
    return datetime.fromtimestamp(unix, UTC).date().isoformat()


def recount_sales(moved: list[dict[str, Any]]) -> dict[Any, Counter[str]]:
    sums: defaultdict[Any, Counter[str]] = defaultdict(Counter)
    for movement in moved:
        cell = sums[day_of(movement["created"]), movement["currency"]]
        cell["fees_minor"] += movement["fee"]
        cell["net_minor"] += movement["net"]
        if movement["type"] == "charge":
            cell["gross_minor"] += movement["amount"]
        else:
            cell["refunds_minor" if "refund" in movement["type"] else "disputes_minor"] -= movement["amount"]
    return {
        key: Counter({name: value for name, value in cell.items() if value}) for key, cell in sums.items()
    }


def recount_credits(file: Path) -> dict[Any, dict[str, int]]:
    columns = {"purchase": "sold", "allowance": "sold", "grant": "given", "adjustment": "adjusted"}
    columns |= {"spend": "spent", "reversal": "spent", "expiry": "expired", "clawback": "clawed_back"}
    sums: defaultdict[Any, Counter[str]] = defaultdict(Counter)
    with closing(sqlite3.connect(file)) as books:
        for at, kind, key, credits in books.execute('SELECT "at", kind, "key", credits FROM prepaid_entry'):
            column = "expired" if key.startswith("rollover:") else columns[kind]
            came_in = column in ("sold", "given", "adjusted")
            sums[(at[:10],)][column] += credits if came_in else -credits
    return {key: {name: value for name, value in cell.items() if value} for key, cell in sums.items()}


def the_last_month_closes(running: Running) -> None:
    """Each cut of the month is what moved at Stripe; what is deferred at its ends is what the lots say."""
    after = datetime.now(UTC).date().replace(day=1)
    first = (after - timedelta(days=1)).replace(day=1)
    begins, ends = (datetime.combine(day, time(), UTC) for day in (first, after))
    moved = list(
        listed(
            running,
            "balance_transactions",
            **{"created[gte]": int(begins.timestamp()), "created[lt]": int(ends.timestamp())},
        )
    )
    stripe: Counter[str] = Counter()
    for cell in recount_sales(moved).values():
        stripe.update(cell)
    assert stripe["gross_minor"] > 0
    days = {"from": first, "to": after - timedelta(days=1)}
    admin = operator(running)

    for cut in ({"by": "day"}, *({"part": part} for part in ("product", "country", "currency", "customer"))):
        sums: Counter[str] = Counter()
        for row in downloaded(admin, "sales.csv", **days, **cut):
            sums.update({name: int(row[name]) for name in SUMMED})
        assert {name: sums[name] for name in SUMMED} == {name: stripe[name] for name in SUMMED}, cut
    (money,) = downloaded(admin, "credits.csv", **days, part="money")
    book = {name.removesuffix("_minor"): int(value) for name, value in money.items() if name != "currency"}
    assert (book["opening"], book["closing"]) == tuple(deferred(running, day) for day in (first, after))
    assert (
        book["opening"] + book["sold"] - book["earned"] - book["clawed_back"] - book["breakage"]
        == (book["closing"])
    )


SUMMED = ("gross_minor", "refunds_minor", "disputes_minor", "fees_minor", "net_minor")


def operator(running: Running) -> Visitor:
    """The shop's admin, signed in."""
    visitor = Visitor(running.url)
    login = json.loads((running.data / "logins.json").read_text())["admin"]
    visitor.post("/login", csrf_of="/login", **login)
    return visitor


def downloaded(admin: Visitor, file: str, **query: object) -> list[dict[str, str]]:
    answer = admin.get(f"/admin/{file}?{urlencode(query)}")
    assert answer.status == 200, answer.text
    return list(csv.DictReader(answer.text.lstrip("\ufeff").splitlines()))


def deferred(running: Running, day: date) -> int:
    """What is paid for and not used before a day, by each lot and what was drawn from it up to then."""
    query = """
        WITH used AS (
            SELECT wallet_id, seq, lot_seq, credits FROM prepaid_draw
            UNION ALL
            SELECT wallet_id, seq, (
                SELECT lot_seq FROM prepaid_draw AS before
                WHERE before.wallet_id = spend.wallet_id AND before.seq < spend.seq
                ORDER BY before.seq DESC, before.lot_seq DESC LIMIT 1
            ), -credits
            FROM prepaid_entry AS spend
            WHERE kind = 'spend' AND refers_to_seq IS NULL
            AND NOT EXISTS (SELECT 1 FROM prepaid_draw WHERE wallet_id = spend.wallet_id AND seq = spend.seq)
        )
        SELECT came.credits - coalesce((
            SELECT sum(used.credits) FROM used
            JOIN prepaid_entry AS took ON took.wallet_id = used.wallet_id AND took.seq = used.seq
            WHERE used.wallet_id = lot.wallet_id AND used.lot_seq = lot.seq AND took.at < :day
        ), 0), origin.credits, origin.amount_minor
        FROM prepaid_lot AS lot
        JOIN prepaid_entry AS came ON came.wallet_id = lot.wallet_id AND came.seq = lot.seq
        JOIN prepaid_entry AS origin ON origin.wallet_id = lot.wallet_id AND origin.seq = lot.origin
        WHERE origin.amount_minor > 0 AND came.at < :day
    """
    with closing(sqlite3.connect(running.data / "rando.sqlite3")) as books:
        lots = books.execute(query, {"day": day.isoformat()}).fetchall()
    return sum((2 * left * minor + credits) // (2 * credits) for left, credits, minor in lots)
