"""Test clocks: customers whose time is moved by hand. https://docs.stripe.com/api/test_clocks

The emulator's own clock moves everything else; what lives on a test clock waits for it alone.
"""

from __future__ import annotations

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.time import clock, due_work, periods
from stripe_emulator.core.time.clock import DAY
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import events, objects

register = Register()

KIND = "test_helpers.test_clock"
LIVES_DAYS = 30
#: How far a test clock without subscriptions moves at once.
YEARS_AT_ONCE = 2


@register.post("/v1/test_helpers/test_clocks")
def create(form: Form) -> Json:
    """https://docs.stripe.com/api/test_clocks/create"""
    return objects.create(
        KIND,
        event="test_helpers.test_clock.created",
        deletes_after=clock.now() + LIVES_DAYS * DAY,
        frozen_time=clock.check(form["frozen_time"], "frozen_time"),
        name=form.get("name"),
        status="ready",
        status_details={},
    )


@register.get("/v1/test_helpers/test_clocks/{test_clock}")
def retrieve(form: Form, test_clock_id: str) -> Json:
    """https://docs.stripe.com/api/test_clocks/retrieve"""
    return store.get(KIND, test_clock_id)


@register.post("/v1/test_helpers/test_clocks/{test_clock}/advance")
def advance(form: Form, test_clock_id: str) -> Json:
    """https://docs.stripe.com/api/test_clocks/advance

    At Stripe this goes on after the answer; here all of it has happened when the answer,
    ``advancing`` as there, arrives: a request after it finds ``ready``.
    """
    test_clock = store.get(KIND, test_clock_id)
    until = clock.check(form["frozen_time"], "frozen_time")
    _check_advance(test_clock, until)
    objects.change(
        test_clock, status="advancing", status_details={"advancing": {"target_frozen_time": until}}
    )
    events.emit("test_helpers.test_clock.advancing", test_clock)
    answer = dict(test_clock)
    _run(test_clock, until)
    test_clock = store.get(KIND, test_clock_id)
    objects.change(test_clock, frozen_time=until, status="ready", status_details={})
    events.emit("test_helpers.test_clock.ready", test_clock)
    return answer


@register.delete("/v1/test_helpers/test_clocks/{test_clock}")
def remove(form: Form, test_clock_id: str) -> Json:
    """https://docs.stripe.com/api/test_clocks/delete; its customers and their subscriptions go with it."""
    test_clock = store.get(KIND, test_clock_id)
    for kind in ("subscription", "subscription_schedule", "invoice", "customer"):
        for owned in store.select(kind, {"test_clock": test_clock_id}):
            objects.delete(owned)
    return objects.delete(test_clock, "test_helpers.test_clock.deleted")


@register.get("/v1/test_helpers/test_clocks")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/test_clocks/list"""
    return lists.page(KIND, form, url="/v1/test_helpers/test_clocks")


def _run(test_clock: Json, until: int) -> None:
    """Everything that falls due on this clock by then, in order, each dated by its moment."""
    clock.live_on(test_clock["id"], test_clock["frozen_time"])
    while (due := due_work.take_due(until, test_clock=test_clock["id"])) is not None:
        test_clock = store.get(KIND, test_clock["id"])
        objects.change(test_clock, frozen_time=max(test_clock["frozen_time"], due.moment))
        due_work.run(due)


def _check_advance(test_clock: Json, until: int) -> None:
    if until <= test_clock["frozen_time"]:
        raise InvalidRequest(
            "A test clock can only be advanced to a time after its current frozen_time.", param="frozen_time"
        )
    shortest = [
        periods.of_price(item["price"]).after(test_clock["frozen_time"], 2)
        for subscription in store.select("subscription", {"test_clock": test_clock["id"]})
        for item in subscription["items"]["data"]
    ]
    farthest = clock.add_months(test_clock["frozen_time"], 12 * YEARS_AT_ONCE)
    if not shortest and until > farthest:
        raise InvalidRequest(
            f"A test clock without subscriptions can be advanced by at most {YEARS_AT_ONCE} years at once.",
            param="frozen_time",
        )
    if until > min(shortest, default=until):
        raise InvalidRequest(
            "A test clock can be advanced by at most two intervals of the shortest subscription on it;"
            " advance several times.",
            param="frozen_time",
        )
