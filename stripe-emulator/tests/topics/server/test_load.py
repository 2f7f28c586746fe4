"""The load list is whole: what a file registers is served, and what may follow a turn follows it."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

import stripe

import stripe_emulator
from stripe_emulator.api.register import Register
from stripe_emulator.core.hooks import Hook
from stripe_emulator.server import load


def modules() -> list[ModuleType]:
    prefix = f"{stripe_emulator.__name__}."
    names = [module.name for module in pkgutil.walk_packages(stripe_emulator.__path__, prefix)]
    return [importlib.import_module(name) for name in names if not name.endswith("__main__")]


def test_each_file_that_registers_something_stands_in_the_load_list_once() -> None:
    declared = [module.register for module in modules() if isinstance(vars(module).get("register"), Register)]

    assert len(load.REGISTERS) == len(set(load.REGISTERS)) == len(declared)
    assert set(load.REGISTERS) == set(declared)


def test_each_hook_leads_somewhere_once_the_topics_are_loaded() -> None:
    load.load()
    hooks = {
        f"{module.__name__}.{name}": hook
        for module in modules()
        for name, hook in vars(module).items()
        if isinstance(hook, Hook)
    }

    assert hooks
    assert [name for name, hook in hooks.items() if not hook.followers] == []


#: Routes of ours that came to Stripe's API after the version that this major of the SDK speaks.
LATER_ROUTES = {15: ["POST /v1/subscriptions/{subscription}/pause"]}


def test_each_documented_route_is_one_that_the_installed_sdk_knows() -> None:
    """What a new major of the SDK takes away or renames stands here."""
    unknown = [route for register in load.REGISTERS for route in register.unknown]

    assert unknown == LATER_ROUTES.get(int(stripe.VERSION.split(".")[0]), [])
