"""What the fast path has done with a request before it handed it to Flask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from prepaid_ledger.errors import PrepaidError

from ..keys.rates import RateWindow

#: Where a request's scope has it, and where the event that its caller has gone.
HANDOVER = "prepaid.handover"
GONE = "prepaid.gone"


class Handover(NamedTuple):
    """A call that the fast path has counted. Flask answers it, with ``error`` if there is one."""

    window: RateWindow | None
    error: PrepaidError | None = None


def handover_of(environ: Mapping[str, Any]) -> Handover | None:
    """What the fast path did with this request of Flask's; ``None`` if it did nothing."""
    handover: Handover | None = environ.get("asgi.scope", {}).get(HANDOVER)
    return handover
