"""Quotes made of an earlier one: a duplicate, or a revision that takes its place once it is finalized.

https://docs.stripe.com/quotes/clone
"""

from __future__ import annotations

from stripe_emulator.core import ids
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.types import Json, copied
from stripe_emulator.core.wire import Form
from stripe_emulator.events import objects

KIND = "quote"

#: What a copy does not take over.
OWN = (
    "created",
    "id",
    "invoice",
    "number",
    "object",
    "status",
    "status_transitions",
    "subscription",
    "subscription_schedule",
)


def copy(form: Form, original: Json, expires_at: int, *, is_revision: bool) -> Json:
    """A draft with all that the original offers.

    :raises InvalidRequest: The form says more, or the original's status does not allow it.
    """
    for name in sorted(form.keys() - {"expires_at", "from_quote"}):
        raise InvalidRequest(f"You cannot specify `{name}` together with `from_quote`.", param=name)
    if original["status"] == "canceled" or (is_revision and original["status"] != "open"):
        verb = "revise" if is_revision else "duplicate"
        raise InvalidRequest(f"You cannot {verb} a quote that is {original['status']}.", param="from_quote")
    offered = {key: copied(value) for key, value in original.items() if key not in OWN}
    for line in offered["_lines"]:
        line["id"] = ids.new("item")
    return objects.create(
        KIND,
        **offered
        | {
            "expires_at": expires_at,
            "from_quote": {"is_revision": is_revision, "quote": original["id"]},
            "status": "draft",
            "status_transitions": {"accepted_at": None, "canceled_at": None, "finalized_at": None},
        },
    )


def revised(quote: Json) -> Json | None:
    """The open quote whose place a revision takes, or None.

    :raises InvalidRequest: It was accepted or canceled meanwhile.
    """
    source = quote["from_quote"]
    if source is None or not source["is_revision"]:
        return None
    original = store.get(KIND, source["quote"])
    if original["status"] != "open":
        raise InvalidRequest(f"You cannot finalize a revision of a quote that is {original['status']}.")
    return original


def number(customer: Json, replaced: Json | None) -> str:
    """``QT-``, the customer's prefix, which of the customer's quotes it is, and which revision of it."""
    if replaced is not None:
        same, _, revision = replaced["number"].rpartition("-")
        return f"{same}-{int(revision) + 1}"
    numbered = store.select(KIND, {"customer": customer["id"], "number": {"gt": ""}})
    count = sum(each["number"].endswith("-1") for each in numbered) + 1
    return f"QT-{customer['invoice_prefix']}-{count:04d}-1"
