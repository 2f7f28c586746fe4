"""The dashboard: what was asked, what happened, what was delivered, and buttons for what a tester does.

Plain forms and links, live where there is JavaScript. A subject has one file, with its pages and its forms;
``frame`` is what all of them share.

Imports ``pages/dashboard/objects`` and what lies below it.
"""

from __future__ import annotations

from stripe_emulator.pages.dashboard import (
    deliveries,
    events,
    live,
    overview,
    quick_start,
    requests,
    webhooks,
)
from stripe_emulator.pages.dashboard.controls import accounts, chaos, clock, states
from stripe_emulator.pages.dashboard.objects import find, object_page, objects

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
