"""What is wrong with a set-up, and how to mend it, one sentence each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from . import clock
from .errors import GatewayRefused, GatewayUnavailable
from .upgrade import VERSION_TABLE, settings

if TYPE_CHECKING:
    from .extension import Prepaid

#: A webhook's signature is refused when the clocks are this far apart.
CLOCK_OFF_S = 60


def examine(prepaid: Prepaid) -> list[str]:
    """Everything that is wrong. Empty is good."""
    return [finding for finding in (_tables(prepaid), *_stripe(prepaid)) if finding]


def _tables(prepaid: Prepaid) -> str | None:
    with prepaid.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        have = context.get_current_revision()
        want = ScriptDirectory.from_config(settings(connection)).get_current_head()
    if have != want:
        return f"The tables are at {have or 'nothing'}, not at {want}. Run: flask prepaid upgrade"
    return None


def _stripe(prepaid: Prepaid) -> list[str]:
    try:
        stripes_time = prepaid.gateway.fetch_time()
    except GatewayUnavailable:
        return ["Stripe does not answer. Check the network, and PREPAID_STRIPE_API_BASE if it is set."]
    except GatewayRefused as refused:
        return [f"Stripe refuses PREPAID_STRIPE_SECRET_KEY: {refused}"]
    apart = abs((stripes_time - clock.wall()).total_seconds()) if stripes_time else 0
    if apart > CLOCK_OFF_S:
        return [f"This machine's clock is {apart:.0f} s off Stripe's: webhooks are refused. Set it by NTP."]
    return []
