"""Customers. https://docs.stripe.com/api/customers

The model for a resource file: its routes in the order of Stripe's documentation, each a few
lines of domain; then what it and other files need besides.
"""

from __future__ import annotations

import re

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.catalog.discounts import discounts, redemption
from stripe_emulator.core import emails
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest, NotFound, no_such
from stripe_emulator.core.hooks import Hook
from stripe_emulator.core.ids import token
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import events, objects
from stripe_emulator.payments.customers import customer_tax, tax_ids
from stripe_emulator.payments.methods import payment_methods
from stripe_emulator.payments.sources import card_sources

register = Register()

#: Names that a customer without them does not show, not even as null.
SENT_IF_KNOWN = ("business_name", "individual_name")
#: Parameters that are kept as they come; "" empties them.
KEPT = (
    "address",
    "business_name",
    "description",
    "email",
    "individual_name",
    "name",
    "phone",
    "preferred_locales",
    "shipping",
    "tax_exempt",
)

_PREFIX = re.compile(r"[A-Z0-9]{3,12}")

#: How many customers may live on one test clock.
CUSTOMERS_ON_A_CLOCK = 3

#: A customer is about to be deleted: subscriptions and schedules end here.
before_removal: Hook[[Json]] = Hook()


@register.post("/v1/customers")
def create(form: Form) -> Json:
    """https://docs.stripe.com/api/customers/create"""
    return new(form)


@register.get("/v1/customers/{customer}")
def retrieve(form: Form, customer_id: str) -> Json:
    """https://docs.stripe.com/api/customers/retrieve; a deleted one is still found, as a stub."""
    return store.get("customer", customer_id)


@register.post("/v1/customers/{customer}")
def update(form: Form, customer_id: str) -> Json:
    """https://docs.stripe.com/api/customers/update"""
    return change(alive(customer_id), form)


@register.get("/v1/customers")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/customers/list"""
    return lists.page("customer", form, url="/v1/customers", only=("email", "test_clock"))


@register.delete("/v1/customers/{customer}")
def remove(form: Form, customer_id: str) -> Json:
    """https://docs.stripe.com/api/customers/delete; subscriptions end, cards go, the history stays."""
    customer = alive(customer_id)
    before_removal(customer)
    for method in store.select("payment_method", {"customer": customer_id}):
        payment_methods.detach_from(method)
    return objects.delete(customer, "customer.deleted")


@register.get("/v1/customers/search")
def search(form: Form) -> Json:
    """https://docs.stripe.com/api/customers/search"""
    return lists.search("customer", form, url="/v1/customers/search")


@register.delete("/v1/customers/{customer}/discount")
def delete_discount(form: Form, customer_id: str) -> Json:
    """https://docs.stripe.com/api/discounts/delete"""
    customer = alive(customer_id)
    if customer["discount"] is None:
        raise NotFound(
            f"No active discount for customer: {customer_id}", code="resource_missing", param="customer"
        )
    return discounts.take_from_customer(customer)


@register.get("/v1/customers/{customer}/payment_methods")
def list_payment_methods(form: Form, customer_id: str) -> Json:
    """https://docs.stripe.com/api/payment_methods/customer_list"""
    store.get("customer", customer_id)
    url = f"/v1/customers/{customer_id}/payment_methods"
    return lists.page(
        "payment_method", form, url=url, where={"customer": customer_id}, only=("type", "allow_redisplay")
    )


@register.get("/v1/customers/{customer}/payment_methods/{payment_method}")
def retrieve_payment_method(form: Form, customer_id: str, payment_method_id: str) -> Json:
    """https://docs.stripe.com/api/payment_methods/customer"""
    store.get("customer", customer_id)
    payment_method = store.get("payment_method", payment_method_id, param="payment_method")
    if payment_method["customer"] != customer_id:
        raise NotFound(
            no_such("payment_method", payment_method_id), code="resource_missing", param="payment_method"
        )
    return payment_method


@register.includable("customer", "invoice_credit_balance")
def invoice_credit_balance(customer: Json) -> Json:
    """The customer's balance by currency, shown when asked for."""
    return {customer["currency"]: customer["balance"]} if customer["balance"] else {}


def new(form: Form) -> Json:
    """A customer from creation parameters, with its event."""
    _check(form)
    customer = objects.create(
        "customer",
        metadata=form.get("metadata"),
        balance=form.get("balance", 0),
        customer_account=None,
        delinquent=False,
        invoice_prefix=form.get("invoice_prefix") or token(8).upper(),
        invoice_settings={
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        next_invoice_sequence=form.get("next_invoice_sequence", 1),
        preferred_locales=[],
        tax_exempt="none",
        test_clock=form.get("test_clock"),
    )
    named = form.get("payment_method")
    method = payment_methods.named(named, "payment_method") if named else None
    objects.change(customer, **_changes(customer, form, arriving=method))
    events.emit("customer.created", customer)
    if method is not None:
        payment_methods.attach_to(method, customer)
    for number, data in enumerate(form.get("tax_id_data") or []):
        tax_ids.new(data, customer, f"tax_id_data[{number}]")
    _take_source(customer, form)
    _discount(customer, form)
    customer_tax.take(customer, form)
    return customer


def change(customer: Json, form: Form) -> Json:
    """Give a customer what a form of an update says; return the customer.

    :raises InvalidRequest: The email, the card or the discount can't be.
    """
    _check(form)
    changes = _changes(customer, form)
    if "balance" in form:
        changes["balance"] = form["balance"]
    objects.change(customer, "customer.updated", **changes)
    for name in SENT_IF_KNOWN:
        if customer.get(name, "") is None:
            del customer[name]
    _take_source(customer, form)
    _discount(customer, form)
    customer_tax.take(customer, form)
    return customer


def alive(customer_id: str) -> Json:
    """The customer that the URL names; a deleted one is gone for whoever wants to change it."""
    customer = store.get("customer", customer_id)
    if customer.get("deleted"):
        raise NotFound(no_such("customer", customer_id), code="resource_missing", param="id")
    return customer


def _check(form: Form) -> None:
    emails.check(form.get("email"), "email")
    if form.get("invoice_prefix") and not _PREFIX.fullmatch(form["invoice_prefix"]):
        raise InvalidRequest(
            "The invoice prefix must be 3 to 12 uppercase letters or numbers.", param="invoice_prefix"
        )
    if form.get("test_clock"):
        test_clock = store.named("test_helpers.test_clock", form["test_clock"], "test_clock")
        if len(store.select("customer", {"test_clock": test_clock["id"]})) >= CUSTOMERS_ON_A_CLOCK:
            raise InvalidRequest(
                f"A test clock can have up to {CUSTOMERS_ON_A_CLOCK} customers.", param="test_clock"
            )


def _take_source(customer: Json, form: Form) -> None:
    """``source``, as older integrations save a card: attached, and the default in place of the one before."""
    if form.get("default_source"):
        method = card_sources.of_customer(customer, form["default_source"], "default_source")
        objects.change(customer, default_source=method["id"])
    if not form.get("source"):
        return
    if isinstance(form["source"], str) and not form["source"].startswith("tok_"):
        method = payment_methods.named(form["source"], "source")
        payment_methods.attach_to(method, customer)
    else:
        method = card_sources.save(customer, form["source"], "source")
    before = store.find("payment_method", customer["default_source"] or "")
    objects.change(customer, default_source=method["id"])
    if before is not None and before["id"].startswith(card_sources.PREFIX):
        card_sources.forget(customer, before)


def _discount(customer: Json, form: Form) -> None:
    """``coupon`` or ``promotion_code``, which accounts older than today's API give to a customer itself."""
    wanted = {key: form[key] for key in ("coupon", "promotion_code") if form.get(key)}
    if wanted:
        discounts.give(customer, redemption.redeem(wanted, customer, ""))
    elif "" in (form.get("coupon"), form.get("promotion_code")) and customer["discount"] is not None:
        discounts.take_from_customer(customer)


def _changes(customer: Json, form: Form, *, arriving: Json | None = None) -> Json:
    """What the form changes; ``arriving`` is the payment method that a new customer comes with."""
    changes = objects.patch(customer, form, KEPT)
    settings = form.get("invoice_settings") or {}
    if settings:
        merged = {key: None if value == "" else value for key, value in settings.items()}
        if default := merged.get("default_payment_method"):
            param = "invoice_settings[default_payment_method]"
            method = payment_methods.named(default, param)
            merged["default_payment_method"] = method["id"]
            if method["customer"] != customer["id"] and method != arriving:
                raise InvalidRequest(
                    f"The customer does not have a payment method with the ID {method['id']}. The payment"
                    " method must be attached to the customer.",
                    code="resource_missing",
                    param=param,
                )
        changes["invoice_settings"] = customer["invoice_settings"] | merged
    if form.get("tax_exempt") == "":
        changes["tax_exempt"] = "none"
    return changes
