"""States: keep everything under a name, go back to it, see what is other; or begin anew."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue

from stripe_emulator import controls
from stripe_emulator.core.errors import InvalidRequest, NotFound
from stripe_emulator.pages.common.account import storage
from stripe_emulator.pages.dashboard.frame.frame import blueprint, done, missing, page

pages = blueprint("states")


@pages.get("/states")
def show() -> ResponseReturnValue:
    """The states that are kept, and a form to keep one more."""
    return page("states", typed={})


@pages.post("/states")
def save() -> ResponseReturnValue:
    """Keep everything as it is now."""
    try:
        controls.save(storage(), request.form.get("name", "").strip())
    except InvalidRequest as refused:
        return page("states", typed=request.form, error=refused.message), 422
    return done("/states", "saved")


@pages.get("/states/<name>")
def compare(name: str) -> ResponseReturnValue:
    """What is other now than in this state."""
    try:
        difference = controls.diff(storage(), name)
    except (InvalidRequest, NotFound):
        return missing(name)
    return page("state", since=name, difference=difference)


@pages.post("/states/<name>")
def load(name: str) -> ResponseReturnValue:
    """Go back to it, or forget it."""
    try:
        if request.form.get("do") == "forget":
            controls.forget(storage(), name)
            return done("/states", "forgotten")
        controls.load(storage(), name)
    except (InvalidRequest, NotFound):
        return missing(name)
    return done("/states", "loaded")


@pages.post("/reset")
def reset() -> ResponseReturnValue:
    """Forget everything but who listens since the start, once that was confirmed."""
    if "sure" not in request.form:
        return page("states", typed={}, error="Confirm first that everything may be forgotten."), 422
    controls.reset(storage())
    return done("/", "reset")
