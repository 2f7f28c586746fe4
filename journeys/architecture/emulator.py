"""Who may import whom in the emulator: a tower, each floor on all those below it."""

from __future__ import annotations

from types import EllipsisType

#: The floors from the ground up. ``controls`` is a file: what a test and the pages can do to the emulator.
TOWER = (
    "core",
    "contract",
    "versions",
    "api",
    "events",
    "catalog",
    "payments",
    "billing",
    "checkout",
    "controls",
    "pages",
    "server",
)

CHARTER: dict[str, set[str] | EllipsisType] = {
    **{floor: set(TOWER[:height]) for height, floor in enumerate(TOWER)},
    "__init__": {"server"},
    "pytest_plugin": {"__init__"},
    "__main__": ...,
}
