"""By which names a browser may ask for the dashboard and the controls."""

from __future__ import annotations

from flask import Response, current_app, request
from flask.typing import ResponseReturnValue

from stripe_emulator.core import hosts
from stripe_emulator.pages.common.account import storage

#: Where the app keeps the names that it was given.
GIVEN = "stripe_emulator_hosts"


def refuse_strange() -> ResponseReturnValue | None:
    """Refuse a request by a name that nobody here has given."""
    given = {hosts.name_of(storage().base_url), *current_app.extensions[GIVEN]}
    if hosts.is_known(hosts.name_of(f"//{request.host}"), given):
        return None
    return Response(
        "The dashboard is not served under this name. Open it as http://127.0.0.1, or start "
        "stripe-emulator with --allow-host and the name.\n",
        403,
        mimetype="text/plain",
    )
