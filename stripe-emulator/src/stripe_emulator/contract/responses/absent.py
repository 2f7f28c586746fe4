"""Derive ``absent.json``: which optional fields Stripe's sample objects leave out.

    python -m stripe_emulator.contract.responses.absent stripe-emulator/tests/data/stripe-fixtures3.json

Run it after an upgrade of the SDK, on that version's ``fixtures3.json`` from
https://github.com/stripe/openapi.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from stripe._object_classes import OBJECT_CLASSES

from stripe_emulator.contract.responses import responses

TABLE = Path(__file__).with_name("absent.json")

#: What a sample shows and Stripe leaves out for a reason that the sample doesn't have.
ALSO_ABSENT = {
    "_charge:Charge.PaymentMethodDetails": {"card"},  # of a bank debit
    "_refund:Refund.DestinationDetails": {"card"},  # of a bank debit's
    "_setup_attempt:SetupAttempt.PaymentMethodDetails": {"card"},  # of a bank account
    "_mandate:Mandate": {"multi_use"},  # of one for a single use
    "_mandate:Mandate.CustomerAcceptance": {"online"},  # of one that was given offline
    "_mandate:Mandate.PaymentMethodDetails": {"sepa_debit"},  # of a card's
    "_subscription_item:SubscriptionItem": {"quantity"},  # of a metered price
}

Samples = dict[str, dict[str, Any]]


def read_samples(fixtures: Path) -> Samples:
    """Stripe's sample of each object that the SDK has a class for, by the object's name."""
    resources: Samples = json.loads(fixtures.read_text(encoding="utf-8"))["resources"]
    named = {
        str(sample.get("object", name)): sample
        for name, sample in resources.items()
        if not sample.get("deleted")
    }
    return {name: sample for name, sample in named.items() if name in OBJECT_CLASSES}


def derive(samples: Samples) -> dict[str, list[str]]:
    """For each class that a sample shows: its optional fields that a sample leaves out."""
    table: dict[str, set[str]] = {}
    for name, sample in samples.items():
        for shape, value in _hashes_in(responses.object_named(name), sample, samples.keys()):
            optional = {key for key, field in shape.fields.items() if field.nullable}
            table.setdefault(shape.key, set()).update(optional - value.keys())
    for key, fields in ALSO_ABSENT.items():
        table.setdefault(key, set()).update(fields)
    return {key: sorted(absent) for key, absent in sorted(table.items())}


def _hashes_in(
    shape: responses.Shape, value: Any, sampled: Collection[str]
) -> Iterator[tuple[responses.Object, dict[str, Any]]]:
    """Each hash of a sample with its class.

    An empty hash says nothing about its fields. An object within another is
    often abbreviated: what has a sample of its own is left to that.
    """
    if isinstance(shape, responses.Object) and isinstance(value, dict) and value:
        yield shape, value
        within = [(shape.fields[key], each) for key, each in value.items() if key in shape.fields]
    elif isinstance(shape, responses.ListPage | responses.Rows | responses.Map):
        within = [(shape.item, each) for each in _members(shape, value)]
    else:
        return
    for field, each in within:
        for inner in field.candidates(each):
            if not isinstance(inner, responses.Object) or inner.name not in sampled:
                yield from _hashes_in(inner, each, sampled)


def _members(shape: responses.Shape, value: Any) -> list[Any]:
    if isinstance(shape, responses.ListPage):
        value = value.get("data") if isinstance(value, dict) else None
    if isinstance(shape, responses.Map):
        value = list(value.values()) if isinstance(value, dict) else None
    return value if isinstance(value, list) else []


def write(table: dict[str, list[str]]) -> None:
    lines = [f"  {json.dumps(key)}: {json.dumps(absent)}" for key, absent in table.items()]
    TABLE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    write(derive(read_samples(Path(sys.argv[1]))))
