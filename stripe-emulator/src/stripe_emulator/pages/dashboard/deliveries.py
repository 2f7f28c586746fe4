"""Deliveries: what waits, what arrived, what each receiver was sent and answered."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue

from stripe_emulator.core.time import clock
from stripe_emulator.pages.common.account import storage
from stripe_emulator.pages.dashboard.frame import deliveries_seen
from stripe_emulator.pages.dashboard.frame.frame import PAGE, blueprint, done, missing, number, older, page

pages = blueprint("deliveries")

#: A delivery's number in an address, as large as a column holds.
SEQ = "int(max=9007199254740991)"


@pages.get("/deliveries")
def list_all() -> ResponseReturnValue:
    """Deliveries, newest first, of one state or of all; how many wait."""
    chosen = request.args.get("state", "")
    with storage().transaction(write=False) as transaction:
        rows = deliveries_seen.some(chosen, before=number("before"), limit=PAGE + 1)
        counts = dict(
            transaction.execute("SELECT status, count(*) FROM delivery GROUP BY status ORDER BY 2 DESC")
        )
    before = rows[PAGE - 1]["seq"] if len(rows) > PAGE else None
    return page(
        "deliveries",
        deliveries=rows[:PAGE],
        counts=counts,
        chosen=chosen,
        older=older("/deliveries", before, state=chosen),
    )


@pages.get(f"/deliveries/<{SEQ}:seq>")
def show(seq: int) -> ResponseReturnValue:
    """One delivery: each try with what was sent, how long it took, and the answer."""
    with storage().transaction(write=False):
        delivery = deliveries_seen.named(seq)
    return page("delivery", delivery=delivery) if delivery else missing(f"delivery {seq}")


@pages.post("/deliveries/now")
def hurry() -> ResponseReturnValue:
    """Try all that waits without waiting on."""
    with storage().transaction() as transaction:
        transaction.execute("UPDATE delivery SET due_at = ? WHERE status = 'pending'", (clock.now(),))
        transaction.wakes = True
    return done("/deliveries", "hurried")


@pages.post(f"/deliveries/<{SEQ}:seq>/retry")
def retry(seq: int) -> ResponseReturnValue:
    """Send one delivery again, whatever became of it."""
    with storage().transaction() as transaction:
        changed = transaction.execute(
            "UPDATE delivery SET status = 'pending', due_at = ?, leased_until = 0 WHERE seq = ?",
            (clock.now(), seq),
        )
        transaction.wakes = True
    return done(f"/deliveries/{seq}", "retried") if changed.rowcount else missing(f"delivery {seq}")
