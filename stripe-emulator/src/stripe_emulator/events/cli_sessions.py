"""Sessions of Stripe's command-line program: ``stripe listen`` and ``stripe logs tail``. Not documented.

A session names a WebSocket, over which ``server.cli_socket`` sends events or lines of the log.
"""

from __future__ import annotations

import json
from typing import Any

from stripe_emulator.api.register import Register
from stripe_emulator.core import ids
from stripe_emulator.core.database import store, transactions
from stripe_emulator.core.database.settings import get_setting, put_setting
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json
from stripe_emulator.core.version import API_VERSION
from stripe_emulator.core.wire import Form

register = Register()

KIND = "cli_session"

#: Where the secret that all sessions sign with is kept.
SECRET = "cli_secret"

#: Where the socket is reached.
PATH = "/stripecli/socket"

#: What a session can be for: snapshot events, thin ones beside them, or the log of requests.
WEBHOOKS, THIN, LOGS = "webhooks", "v2_events", "request_logs"

#: Seconds until the program connects anew.
RECONNECT_AFTER = 3600


@register.post("/v1/stripecli/sessions", documented=False)
def create(form: Form) -> Json:
    """Make a session; its secret is the same each time, as ``stripe listen --print-secret`` promises."""
    given = form.get("websocket_features") or {}
    features = list(given.values()) if isinstance(given, dict) else []
    if not features or set(features) - {WEBHOOKS, THIN, LOGS}:
        raise InvalidRequest(
            f"websocket_features must be among {WEBHOOKS}, {THIN} and {LOGS}.", param="websocket_features"
        )
    dict(form)  # the rest says where the program sends what it gets
    session = store.save(
        {
            "id": f"cliws_{ids.token(24)}",
            "object": KIND,
            "created": clock.now(),
            "features": features,
            "filters": _filters(form.get("filters")),
        }
    )
    base = transactions.current().store.base_url
    return {
        "default_version": API_VERSION,
        "device_token": "",
        "display_connect_filter_warning": False,
        "latest_version": API_VERSION,
        "reconnect_delay": RECONNECT_AFTER,
        "secret": secret(),
        "websocket_authorized_feature": features[0],
        "websocket_id": session["id"],
        "websocket_url": f"{base.replace('http', 'ws', 1)}{PATH}",
    }


def secret() -> str:
    """What the sessions' events are signed with, made when it is first needed."""
    known: str | None = get_setting(SECRET)
    if known is None:
        known = f"whsec_{ids.token(64)}"
        put_setting(SECRET, known)
    return known


def _filters(text: Any) -> Json:
    try:
        filters = json.loads(text) if text else {}
    except (TypeError, ValueError):
        filters = None
    if not isinstance(filters, dict):
        raise InvalidRequest("filters must be a JSON object.", param="filters")
    return filters
