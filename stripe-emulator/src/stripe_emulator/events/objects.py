"""Making, changing and deleting Stripe objects: each change is saved and becomes an event."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from stripe_emulator import contract
from stripe_emulator.core import ids
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.time import clock, due_work
from stripe_emulator.core.types import Json
from stripe_emulator.events import events, shapes

#: Stripe's limits on ``metadata``: https://docs.stripe.com/api/metadata
METADATA_KEYS, METADATA_KEY_LENGTH, METADATA_VALUE_LENGTH = 50, 40, 500


def create(kind: str, event: str | None = None, **fields: Any) -> Json:
    """A new object with every key that Stripe gives its kind, saved.

    :param event: Emitted with it, such as ``customer.created``.
    :param fields: What is not empty; ``id`` if it isn't to be drawn. ``metadata`` may be a form's.
    """
    made = contract.blank(kind)
    made["id"] = fields.pop("id", None) or ids.new(kind)
    made["object"] = kind
    if "created" in made:
        made["created"] = clock.now()
    if "livemode" in made:
        made["livemode"] = False
    if "metadata" in made:
        made["metadata"] = merged({}, fields.pop("metadata", None))
    made |= contract.complete(kind, fields)
    store.save(made)
    if event is not None:
        events.emit(event, made)
    return made


def change(value: Json, event: str | None = None, /, **fields: Any) -> Json:
    """Give an object new values, save it, and emit ``event`` with what they were before.

    Nothing is emitted where nothing is different, as at Stripe.
    """
    fields = contract.complete(value["object"], fields)
    before = {key: value.get(key) for key in fields if value.get(key) != fields[key]}
    value |= fields
    store.save(value)
    if event is not None and before:
        events.emit(event, value, previous=shapes.difference(before, value))
    return value


def patch(value: Json, form: Json, keys: Iterable[str]) -> Json:
    """What ``form`` wants changed among ``keys``, ready for ``change``: "" empties, metadata merges."""
    changes: Json = {}
    for key in keys:
        if key in form:
            changes[key] = None if form[key] == "" else form[key]
    if "metadata" in form:
        changes["metadata"] = merged(value.get("metadata") or {}, form["metadata"])
    return changes


def delete(value: Json, event: str | None = None) -> Json:
    """Take an object away; where Stripe still answers with its stub, so do we.

    :return: ``{"id": ..., "object": ..., "deleted": true}``.
    """
    if event is not None:
        events.emit(event, value)
    due_work.unschedule(value["id"])
    stub = {"id": value["id"], "object": value["object"], "deleted": True}
    if value["object"] in LEAVES_A_STUB:
        created = value["created"]
        value.clear()
        value |= stub | {"_created": created}
        store.save(value)
    else:
        store.remove(value)
    return stub


#: Kinds that a GET still finds after they were deleted.
LEAVES_A_STUB = {"customer"}


def merged(metadata: Json, form: Json | str | None) -> Json:
    """Metadata after a form: "" takes a key out, "" for the whole takes all out.

    :raises InvalidRequest: Over Stripe's limits.
    """
    if form is None:
        return dict(metadata)
    if isinstance(form, str):
        return {}
    after = {**metadata, **form}
    after = {key: value for key, value in after.items() if value != ""}
    if len(after) > METADATA_KEYS:
        raise InvalidRequest(
            f"Metadata can have up to {METADATA_KEYS} keys; you passed {len(after)}.", param="metadata"
        )
    for key, value in after.items():
        if len(key) > METADATA_KEY_LENGTH or "[" in key or "]" in key:
            raise InvalidRequest(
                f"Metadata keys can have up to {METADATA_KEY_LENGTH} characters and no brackets; you passed"
                f" '{key[:80]}'.",
                param=f"metadata[{key[:80]}]",
            )
        if len(str(value)) > METADATA_VALUE_LENGTH:
            raise InvalidRequest(
                f"Metadata values can have up to {METADATA_VALUE_LENGTH} characters, but you passed in a"
                f" value that is {len(str(value))} characters. Invalid value: {str(value)[:80]}",
                param=f"metadata[{key}]",
            )
    return after
