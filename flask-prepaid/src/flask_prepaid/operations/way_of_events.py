"""Whether Stripe's events come in: the endpoints that it knows, a visit to each, and what did not arrive."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urljoin, urlsplit

from flask import current_app
from sqlalchemy import select

from ..context import Context
from ..errors import GatewayRefused
from ..gateway.values import Endpoint
from . import inbox, reconcile, stripe_events
from .models import InboxEvent

#: An event is on its way for so long at most, where all is well.
ON_ITS_WAY = timedelta(minutes=2)

VISIT_TIMEOUT_S = 10


def blocked(context: Context) -> Iterator[str]:
    """Where Stripe's events are to go, and whether they come in."""
    path = context.config.paths["webhook"]
    try:
        all_endpoints = context.gateway.account.endpoints(may_refuse=True)
    except GatewayRefused as refused:
        yield f"Stripe does not let this key see webhook endpoints: {refused}"
        return
    ours = [endpoint for endpoint in all_endpoints if _leads_to(endpoint.url, path)]
    for endpoint in ours:
        yield from _endpoint(endpoint)
        yield from _visit(context, endpoint.url)
    missing, latest = _not_arrived(context, [endpoint.created_at for endpoint in ours])
    no_endpoint = (
        f"No endpoint of Stripe's leads to {path}. Run: flask prepaid connect --url "
        f"{urljoin(context.config.base_url or 'https://your.host', path)}; where Stripe cannot reach you, "
        "run: flask prepaid listen"
    )
    if missing:
        yield f"{missing} of Stripe's latest events did not come in, the last a {latest}. " + (
            "If its dashboard shows answers of 400, PREPAID_STRIPE_WEBHOOK_SECRET is not that of the "
            "endpoint: copy it anew. What was missed, this brings in: flask prepaid reconcile --fix"
            if ours
            else no_endpoint
        )
    elif not ours and _waits_for_stripe(context):
        yield no_endpoint


def _waits_for_stripe(context: Context) -> bool:
    """Whether this app, on no developer's machine, has heard of no event of Stripe's yet."""
    if current_app.debug or current_app.testing or context.config.api_base is not None:
        return False
    return context.session.scalar(select(InboxEvent.id).limit(1)) is None


def _leads_to(url: str, path: str) -> bool:
    return urlsplit(url).path.endswith(path)


def _endpoint(endpoint: Endpoint) -> Iterator[str]:
    if not endpoint.enabled:
        yield (
            f"Stripe has switched off {endpoint.url}: it failed for days. When it answers again, "
            f"run: flask prepaid connect --url {endpoint.url}"
        )
    deaf_to = set(stripe_events.HEARD) - set(endpoint.types)
    if deaf_to and "*" not in endpoint.types:
        yield (
            f"{endpoint.url} is not sent {', '.join(sorted(deaf_to))}. "
            f"Run: flask prepaid connect --url {endpoint.url}"
        )


def _visit(context: Context, url: str) -> Iterator[str]:
    """Send a visit to our own endpoint, signed as Stripe's are; it answers how it sees its own address."""
    body = json.dumps(
        {
            "id": "evt_visit",
            "object": "event",
            "type": inbox.VISIT,
            "created": int(time.time()),
            "livemode": context.config.livemode,
            "data": {"object": {}},
        }
    )
    knock = urllib.request.Request(
        url, body.encode(), {"Stripe-Signature": context.gateway.events.sign(body)}
    )
    try:
        with urllib.request.build_opener(_Stay).open(knock, timeout=VISIT_TIMEOUT_S) as answer:
            seen_as = json.load(answer)["seen_as"]
    except urllib.error.HTTPError as error:
        error.close()
        yield _refusal(url, error)
    except OSError as error:
        yield f"{url} cannot be reached from here: {getattr(error, 'reason', error)}"
    except (ValueError, KeyError, TypeError):
        yield f"{url} answers, but it is not this app that answers. Check where your web server sends it."
    else:
        if seen_as != url:
            yield (
                f"To the app, {url} is {seen_as}: customers would come back from Stripe to a wrong address. "
                "Let the proxy in front send X-Forwarded-Proto and X-Forwarded-Host, and wrap the app in "
                "werkzeug's ProxyFix."
            )


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: Stripe follows none."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _refusal(url: str, error: urllib.error.HTTPError) -> str:
    if 300 <= error.code < 400:
        return (
            f"{url} redirects to {error.headers.get('Location')}, which Stripe does not follow. Connect that."
        )
    if error.code == 400:
        return (
            f"{url} refuses what is signed with this PREPAID_STRIPE_WEBHOOK_SECRET: the app that serves has "
            "another one. Restart it, and give both the same settings."
        )
    return f"{url} answers {error.code} to what Stripe sends. Check its path, and what stands in front of it."


def _not_arrived(context: Context, endpoints: list[datetime]) -> tuple[int, str]:
    """How many of Stripe's latest events that we hear are not in the inbox, and the type of the latest.

    Where there is an endpoint, what was made before the last whole comparison needs nobody any more: the
    books agreed with Stripe then.

    :param endpoints: When our endpoints were made; what happened before went nowhere.
    """
    made = context.gateway.events.latest()
    since = min(endpoints, default=None)
    compared = reconcile.last(context.session)
    if since is not None and compared is not None and compared.since is None and not compared.drift:
        since = max(since, compared.at.replace(microsecond=0))  # Stripe counts whole seconds
    now = max([context.clock(), *(event.created_at for event in made)])  # the emulator's may be ahead
    ours = {
        event.id: event.type
        for event in made
        if event.type in stripe_events.HEARD
        and event.created_at < now - ON_ITS_WAY
        and (since is None or event.created_at >= since)
    }
    came = set(context.session.scalars(select(InboxEvent.id).where(InboxEvent.id.in_(ours))))
    missing = [type for id, type in ours.items() if id not in came]
    return len(missing), missing[0] if missing else ""
