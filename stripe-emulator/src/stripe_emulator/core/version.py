"""The versions of Stripe's API: the one that the emulator speaks, and those that it translates to.

https://docs.stripe.com/changelog
"""

from __future__ import annotations

from stripe_emulator.core import sdk
from stripe_emulator.core.errors import InvalidRequest

#: The version that the installed SDK pins: today's.
API_VERSION: str = sdk.API_VERSION

#: Release -> the days of its versions. Until the summer of 2024 a version was a day alone. Since then
#: the first of a release is the one that breaks something; the others add.
RELEASES: dict[str, tuple[str, ...]] = {
    "": ("2022-11-15", "2023-08-16", "2023-10-16", "2024-04-10", "2024-06-20"),
    "acacia": ("2024-09-30", "2024-10-28", "2024-11-20", "2024-12-18", "2025-01-27", "2025-02-24"),
    "basil": ("2025-03-31", "2025-04-30", "2025-05-28", "2025-06-30", "2025-07-30", "2025-08-27"),
    "clover": ("2025-09-30", "2025-10-29", "2025-11-17", "2025-12-15", "2026-01-28", "2026-02-25"),
    "dahlia": ("2026-03-25", "2026-04-22", "2026-05-27", "2026-06-24", "2026-07-29", "2026-08-26"),
    "endive": ("2026-09-30", "2026-10-28"),
}

#: Every version that is served, oldest first. An SDK may be newer than the table.
SERVED: tuple[str, ...] = tuple(
    sorted({f"{day}.{name}".rstrip(".") for name, days in RELEASES.items() for day in days} | {API_VERSION})
)


def checked(version: str, param: str | None = None) -> str:
    """The version, if it is served.

    :raises InvalidRequest: It is older than those, or none of Stripe's; the message names it.
    """
    if version not in SERVED:
        raise InvalidRequest(
            f"Invalid Stripe API version: {version[:60]}. This emulator serves {SERVED[0]} to {SERVED[-1]}.",
            param=param,
        )
    return version
