"""The dashboard: what was asked, what happened, what was delivered, and buttons for what a tester does.

Plain forms and links, live where there is JavaScript. A subject has one file, with its pages and its forms;
``frame.py`` is what all of them share.
"""

from __future__ import annotations

from stripe_emulator.pages.dashboard import (
    accounts,
    chaos,
    clock,
    deliveries,
    events,
    find,
    live,
    object_page,
    objects,
    overview,
    quick_start,
    requests,
    states,
    webhooks,
)

BLUEPRINTS = (
    overview.pages,
    quick_start.pages,
    requests.pages,
    events.pages,
    deliveries.pages,
    objects.pages,
    object_page.pages,
    find.pages,
    webhooks.pages,
    clock.pages,
    chaos.pages,
    states.pages,
    accounts.pages,
    live.pages,
)
