"""Where Stripe's events arrive."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue

from ..operations import inbox
from . import page

#: Stripe's largest events are far below this.
LARGEST_BODY = 1024 * 1024


def webhook() -> ResponseReturnValue:
    """Take one event. A 2xx promises that we never need it again; after anything else Stripe repeats it.

    :raises BadSignature: It is not from Stripe, is changed, too old or from the future.
    """
    request.max_content_length = LARGEST_BODY
    context = page.context()
    event = context.gateway.events.read(request.get_data(), request.headers.get("Stripe-Signature"))
    if event.type == inbox.VISIT:
        return {"seen_as": request.base_url}
    inbox.keep(context, event)
    handled = inbox.handle(context, event)
    return "", 200 if handled else 503
