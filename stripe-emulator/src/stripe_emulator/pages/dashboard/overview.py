"""The first page: what came in, what happened, what wants attention."""

from __future__ import annotations

from flask.typing import ResponseReturnValue

from stripe_emulator.api import request_log
from stripe_emulator.core.time import due_work
from stripe_emulator.pages.common.account import storage
from stripe_emulator.pages.dashboard.controls.clock import coming
from stripe_emulator.pages.dashboard.frame import deliveries_seen
from stripe_emulator.pages.dashboard.frame.frame import RECENT, blueprint, latest, page
from stripe_emulator.pages.dashboard.frame.rows import rows_of

pages = blueprint("overview")


@pages.get("/")
def home() -> ResponseReturnValue:
    """Counts, and the latest requests, payments, events."""
    with storage().transaction(write=False) as transaction:
        taken = transaction.execute(
            "SELECT json_extract(body, '$.currency'), sum(json_extract(body, '$.amount_captured'))"
            " FROM object WHERE kind = 'charge' AND json_extract(body, '$.paid')"
            " GROUP BY 1 ORDER BY 2 DESC LIMIT 3"
        ).fetchall()
        payments, _ = latest("payment_intent", limit=RECENT)
        recent, _ = latest("event", limit=RECENT)
        (unanswered,) = transaction.execute(
            "SELECT count(*) FROM delivery WHERE status = 'failed' OR (status = 'pending' AND attempts > 0)"
        ).fetchone()
        values = {
            "taken": taken,
            "payments": rows_of(payments),
            "events": deliveries_seen.with_states(recent),
            "requests": request_log.latest(limit=RECENT),
            "unanswered": unanswered,
            "failed": len(due_work.failed_work()),
            "coming": coming(limit=3),
        }
    return page("home", base_url=storage().base_url, **values)
