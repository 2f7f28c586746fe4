"""Thin events as the SDK knows them: which types there are, and where the object of one is fetched."""

from __future__ import annotations

from functools import cache

from stripe_emulator.contract.sources.sdk_cache import kept
from stripe_emulator.core.types import Json


@cache
def thin_types() -> frozenset[str]:
    """Every type of thin event, such as ``v1.checkout.session.completed``."""
    return frozenset(_facts()["types"])


def names_an_object(event_type: str) -> bool:
    """Whether events of this type say which object they are about."""
    known: bool = _facts()["types"][event_type]
    return known


def path_of(object_name: str) -> str | None:
    """Where an object of that name is fetched: ``/v1/checkout/sessions/{id}``; None if nowhere."""
    path: str | None = _facts()["paths"].get(object_name)
    return path


@cache
def _facts() -> Json:
    def read() -> Json:
        from stripe_emulator.contract.responses import thin_classes  # imports the SDK

        return {"types": thin_classes.types(), "paths": thin_classes.paths()}

    facts: Json = kept("thin events", read)
    return facts
