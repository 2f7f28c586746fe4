"""Whoever pays a Checkout Session, and becomes its customer."""

from __future__ import annotations

from dataclasses import dataclass

from stripe_emulator.checkout.completion import invoice_creation
from stripe_emulator.core.database import store
from stripe_emulator.core.types import Json
from stripe_emulator.events import objects
from stripe_emulator.payments.customers import customers, tax_ids


@dataclass(frozen=True)
class Payer:
    """Who pays, and with what; ``keep`` and ``accepts_terms`` are boxes on the page.

    ``phone``, ``tax_id`` (its ``type`` and ``value``), ``business_name``, ``shipping`` (an
    address) and ``custom_fields`` (texts by their keys) count only where the session collects them.
    """

    method: Json
    email: str | None = None
    name: str | None = None
    keep: bool = False
    accepts_terms: bool = True
    phone: str | None = None
    address: Json | None = None
    tax_id: Json | None = None
    business_name: str | None = None
    shipping: Json | None = None
    custom_fields: dict[str, str] | None = None


def note_payer(session: Json, customer: Json) -> None:
    """Write down at the customer what the payer has filled in and the session lets it have. Once."""
    payer = session.get("_payer") or {}
    updates = {name: payer[name] for name in session["_updates"] if payer.get(name)}
    if payer.get("business_name") and "name" in session["_updates"]:
        updates["name"] = payer["business_name"]
    if any(customer.get(name) != value for name, value in updates.items()):
        objects.change(customer, "customer.updated", **updates)
    if payer.get("tax_id") and payer["tax_id"] not in tax_ids.shown_on_invoices(customer):
        tax_ids.new(payer["tax_id"], customer)


def makes_customer(session: Json) -> bool:
    """Whether whoever pays becomes a customer, also if no card is kept."""
    return session["customer_creation"] == "always" or invoice_creation.wants_invoice(session)


def ensure_customer(session: Json) -> Json:
    """The session's customer, made now from what the payer typed if it has none.

    :raises InvalidRequest: The customer was deleted meanwhile.
    """
    if session["customer"]:
        return store.named("customer", session["customer"], "customer")
    payer = session["_payer"]
    email = session["customer_email"] or payer["email"]
    details = {"email": email, **{key: payer.get(key) for key in ("address", "name", "phone")}}
    details["name"] = payer.get("business_name") or payer.get("name")
    form = {key: value for key, value in details.items() if value}
    customer = customers.new(form)
    objects.change(session, customer=customer["id"])
    return customer


def mark_kept(method: Json, session: Json) -> None:
    """Whether the card is offered on the next page: only if its owner ticked the box, or came to save it."""
    if method["allow_redisplay"] == "unspecified":
        wants_it_kept = session["_payer"]["keep"] or session["mode"] == "setup"
        objects.change(method, allow_redisplay="always" if wants_it_kept else "limited")
