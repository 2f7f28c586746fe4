"""News for a page that is open: server-sent events, which the page answers by fetching itself again.

A stream ends after ``LASTS`` seconds, and the browser opens the next by itself, so that no thread is held
for ever. It ends at once when the emulator is closed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import suppress

from flask import Response

from stripe_emulator.api import chaos, request_log
from stripe_emulator.core.database.settings import get_setting
from stripe_emulator.core.database.storage import Store
from stripe_emulator.core.errors import Unavailable
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json
from stripe_emulator.pages.common.account import storage
from stripe_emulator.pages.dashboard.frame.frame import blueprint

pages = blueprint("live")

#: Seconds between looks at what is new, between signs of life, and until a stream ends.
PULSE, SIGN_OF_LIFE, LASTS = 0.4, 10.0, 120.0


@pages.get("/live")
def stream() -> Response:
    """``change`` events with the clock and a mark of what there is; the first one at once."""
    response = Response(_news(storage()), mimetype="text/event-stream")
    response.headers["Cache-Control"] = "no-store"
    return response


def _news(storage: Store) -> Iterator[str]:
    yield "retry: 1000\n\n"
    begun = spoken = time.monotonic()
    mark = ""
    with suppress(Unavailable):  # the emulator was closed
        while time.monotonic() - begun < LASTS:
            seen = _seen(storage)
            if seen["mark"] != mark:
                mark, spoken = seen["mark"], time.monotonic()
                yield f"event: change\ndata: {json.dumps(seen)}\n\n"
            elif time.monotonic() - spoken > SIGN_OF_LIFE:
                spoken = time.monotonic()
                yield ": still here\n\n"
            time.sleep(PULSE)


def _seen(storage: Store) -> Json:
    """The clock, and a mark that differs as soon as something is new."""
    request_log.write(storage)
    with storage.transaction(write=False) as transaction:
        newest = [
            transaction.execute(f"SELECT coalesce(max(seq), 0) FROM {table}").fetchone()[0]
            for table in ("request", "object", "delivery", "attempt", "due")
        ]
        (pending,) = transaction.execute("SELECT count(*) FROM delivery WHERE status = 'pending'").fetchone()
        settings = [get_setting(name) for name in ("offset", chaos.SETTING)]
        return {"now": clock.now(), "mark": json.dumps([*newest, pending, *settings])}
