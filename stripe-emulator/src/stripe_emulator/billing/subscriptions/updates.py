"""One update of a subscription from end to end: ``changes`` works it out, and here it is collected.

It takes effect at once, not at all, or once it is paid: then ``pending_updates`` keeps it.

https://docs.stripe.com/billing/subscriptions/change
"""

from __future__ import annotations

from stripe_emulator.billing.invoices import collection, invoices
from stripe_emulator.billing.subscriptions import changes, pending_updates
from stripe_emulator.billing.subscriptions.changes import Change
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.types import Json
from stripe_emulator.events import objects


def update(subscription: Json, form: Json) -> Json:
    """Change a subscription as a request asks, and collect what is due at once.

    :raises InvalidRequest: Something in the form can't be.
    :raises NothingKept: The payment failed and the request asked for all or nothing.
    """
    behavior = form.get("payment_behavior", "allow_incomplete")
    if behavior == "pending_if_incomplete" and (other := sorted(form.keys() - pending_updates.ALLOWED)):
        raise InvalidRequest(
            f"{other[0]} can't be passed with payment_behavior=pending_if_incomplete.", param=other[0]
        )
    off_session = bool(form.get("off_session"))
    before = {key: subscription[key] for key in pending_updates.FIELDS}
    change = changes.make(subscription, form)
    if change.invoice is None:
        changes.show(subscription, change.fields)
        return subscription
    if behavior == "pending_if_incomplete":
        return pending_updates.collect(subscription, change, before, off_session=off_session)
    _collect(subscription, change, behavior, off_session)
    return subscription


def _collect(subscription: Json, change: Change, behavior: str, off_session: bool) -> None:
    """Finalize and collect the invoice of a change, then show the change."""
    invoice = change.invoice
    assert invoice is not None, "nothing to collect"
    fields = change.fields | {"latest_invoice": invoice["id"]}
    objects.change(subscription, latest_invoice=invoice["id"])
    if subscription["collection_method"] == "send_invoice":
        collection.advance_later(invoice)
        changes.show(subscription, fields)
        return
    objects.change(invoice, auto_advance=True)
    invoices.finalize(invoice)
    error = None
    if invoice["status"] == "open" and behavior == "default_incomplete":
        collection.prepare(invoice)
        fields["status"] = "past_due"
    elif invoice["status"] == "open":
        error = collection.attempt(invoice, off_session=off_session)
        if behavior == "error_if_incomplete" and invoice["status"] != "paid":
            raise collection.refused(invoice, error)
        if invoice["status"] == "open":
            fields["status"] = "past_due"
    changes.show(subscription, fields)
