"""The load list is whole: what a file registers is served, and what may follow a turn follows it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from types import ModuleType

import pytest

import stripe_emulator
from stripe_emulator.api import routing
from stripe_emulator.api.register import Register
from stripe_emulator.billing.invoices import collection, invoices
from stripe_emulator.billing.lifecycle import cycle, states
from stripe_emulator.billing.schedules import phases
from stripe_emulator.billing.subscriptions import pauses, pending_updates
from stripe_emulator.catalog import pricing, products
from stripe_emulator.checkout.modes import subscription_mode
from stripe_emulator.checkout.sessions import payment_links
from stripe_emulator.contract import Route
from stripe_emulator.contract.requests import compiled
from stripe_emulator.contract.sources.newer_than_sdk import LATER_ROUTES
from stripe_emulator.core.hooks import Hook
from stripe_emulator.payments.confirming.confirmation import Owners
from stripe_emulator.payments.customers import customers
from stripe_emulator.server import load


def modules() -> list[ModuleType]:
    prefix = f"{stripe_emulator.__name__}."
    names = [module.name for module in pkgutil.walk_packages(stripe_emulator.__path__, prefix)]
    return [importlib.import_module(name) for name in names if not name.endswith("__main__")]


def test_each_file_that_registers_something_stands_in_the_load_list_once() -> None:
    declared = [module.register for module in modules() if isinstance(vars(module).get("register"), Register)]

    assert len(load.REGISTERS) == len(set(load.REGISTERS)) == len(declared)
    assert set(load.REGISTERS) == set(declared)


#: What follows each turn, in this order.
FOLLOWERS = {
    customers.before_removal: (states.end_all_of, phases.call_off_all_of),
    invoices.after_paid: (
        states.invoice_paid,
        subscription_mode.invoice_paid,
        pending_updates.invoice_paid,
        pauses.invoice_paid,
    ),
    invoices.after_given_up: (states.invoice_given_up, pending_updates.invoice_given_up),
    invoices.after_overdue: (states.invoice_overdue,),
    collection.after_failure: (states.payment_failed,),
    cycle.before_renewal: (phases.enter_due,),
    states.after_end: (phases.subscription_ended,),
    products.archived: (payment_links.close_those_of_product,),
    pricing.archived: (payment_links.close_those_of_price,),
}


def test_each_hook_leads_to_its_followers_in_their_order() -> None:
    load.load()
    hooks = {hook for module in modules() for hook in vars(module).values() if isinstance(hook, Hook)}

    assert {hook: hook.followers for hook in hooks} == FOLLOWERS


def test_a_hook_that_leads_nowhere_is_not_called() -> None:
    hook: Hook[[]] = Hook()

    with pytest.raises(AssertionError, match="nothing follows"):
        hook()


def test_the_followers_of_a_hook_are_named_once() -> None:
    load.load()

    with pytest.raises(AssertionError, match="already"):
        invoices.after_paid.leads_to(states.invoice_paid)


def test_owners_that_nobody_named_are_not_looked_up() -> None:
    with pytest.raises(AssertionError, match="no owners"):
        Owners().of({"_owner": ["invoice", "in_1"]})


@pytest.mark.parametrize(
    "again",
    [
        lambda register: register.due("checkout.session.expire"),
        lambda register: register.computed("event"),
        lambda register: register.includable("checkout.session", "line_items"),
        lambda register: register.get("/v1/customers"),
    ],
)
def test_no_file_takes_what_another_one_has_registered(
    again: Callable[[Register], Callable[..., object]],
) -> None:
    load.load()
    register = Register()
    again(register)(lambda *_: {})

    with pytest.raises(AssertionError, match=r"already|twice"):
        register.open()


def test_a_route_that_the_sdk_does_not_know_stops_the_start() -> None:
    """A new major of the SDK may take a route away or rename it."""
    register = Register()
    register.post("/v1/customers/{customer}/promote")(lambda customer: {})

    with pytest.raises(AssertionError, match="the installed SDK knows no POST /v1/customers"):
        register.open()


@pytest.mark.parametrize("values", [values for rows in LATER_ROUTES.values() for values in rows])
def test_a_route_that_came_after_the_oldest_sdk_takes_what_newer_ones_say(values: tuple[str, ...]) -> None:
    load.load()
    ours = Route(*values)
    served = routing.ENDPOINTS[ours.verb, ours.path].route
    assert served is not None

    assert compiled.facts_of(ours) == compiled.facts_of(served)
