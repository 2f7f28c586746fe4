"""Chaos: Stripe on a bad day, by a preset or by numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue

from stripe_emulator import controls
from stripe_emulator.api import chaos
from stripe_emulator.core.database.settings import get_setting
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.types import Json
from stripe_emulator.pages.common.account import storage
from stripe_emulator.pages.dashboard.frame.frame import blueprint, done, page

pages = blueprint("chaos")

#: Setting -> label and hint, by what it troubles.
EVENTS = (
    ("duplicate", "Deliver twice", "Share of events, from 0 to 1."),
    ("drop", "Never deliver", "Share of events, from 0 to 1."),
    ("delay", "Deliver late", "Up to so many seconds."),
)
CALLS = (
    ("api_500", "Answer 500", "Share of calls; half of them after the work was done."),
    ("api_429", "Answer 429", "Share of calls that are asked to slow down."),
    ("lost_reply", "Lose the reply", "Share of calls whose work is done and whose caller never hears."),
    ("timeout", "Never answer", "Share of calls that nothing comes of, until the caller gives up."),
    ("slow", "Answer late", "Up to so many seconds, 60 at most."),
)

#: Name -> label, what it proves, settings.
PRESETS: dict[str, tuple[str, str, Json]] = {
    "webhooks": (
        "Webhooks out of order",
        "Half of the events come twice, all in any order and up to 5 seconds late.",
        {"duplicate": 0.5, "shuffle": True, "delay": 5.0},
    ),
    "lost": (
        "Webhooks get lost",
        "A third of the events is never delivered. Does the program find out by itself?",
        {"drop": 0.33},
    ),
    "api": (
        "A shaky API",
        "One call in ten fails with a 500, one in ten is asked to slow down.",
        {"api_500": 0.1, "api_429": 0.1},
    ),
    "network": (
        "A bad network",
        "One answer in ten is lost after the work was done; the others take up to 2 seconds.",
        {"lost_reply": 0.1, "slow": 2.0},
    ),
}


@pages.get("/chaos")
def show() -> ResponseReturnValue:
    """What goes wrong on purpose."""
    with storage().transaction(write=False):
        values = get_setting(chaos.SETTING, {})
    return _page(values)


@pages.post("/chaos")
def change() -> ResponseReturnValue:
    """Begin, change, or end the chaos."""
    form = request.form
    if form.get("do") == "end":
        controls.set_chaos(storage(), {})
        return done("/chaos", "calm")
    if "preset" in form and form["preset"] not in PRESETS:
        return _page({}, error="There is no bad day of this name."), 422
    if "preset" in form:
        controls.set_chaos(storage(), {**PRESETS[form["preset"]][2], "seed": "0"})
        return done("/chaos", "chaos")
    settings: Json = {}
    for key, *_ in (*EVENTS, *CALLS):
        try:
            value = float(form.get(key) or 0)
        except ValueError:
            return _again(key)
        if value:
            settings[key] = value
    if "shuffle" in form:
        settings["shuffle"] = True
    if settings:
        settings["seed"] = form.get("seed", "0").strip()[:40]
    try:
        controls.set_chaos(storage(), settings)
    except InvalidRequest as refused:
        return _again(refused.param or "")
    return done("/chaos", "chaos" if settings else "calm")


def _page(values: Mapping[str, Any], wrong: str = "", error: str = "") -> str:
    """The switches; ``wrong`` names the one that can't be set so."""
    shown = {"seed": 0, **{key: 0 for key, *_ in (*EVENTS, *CALLS)}, **values}
    return page("chaos", events=EVENTS, calls=CALLS, presets=PRESETS, values=shown, wrong=wrong, error=error)


def _again(key: str) -> ResponseReturnValue:
    labels = {name: label for name, label, _ in (*EVENTS, *CALLS)}
    maximum = f"{chaos.SECONDS[key]} seconds" if key in chaos.SECONDS else "1"
    complaint = f"“{labels.get(key, key)}” must be a number from 0 to {maximum}."
    return _page(request.form.to_dict(), key, complaint), 422
