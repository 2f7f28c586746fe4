"""Tax ids of customers, and of the account itself. https://docs.stripe.com/api/tax_ids

Numbers of the types that a register knows are pending first and decided seconds later, with an
event. In test mode every well-formed number is found there, but for the two that Stripe names.
"""

from __future__ import annotations

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest, NotEmulated, NotFound, no_such
from stripe_emulator.core.time import clock, due_work
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import objects
from stripe_emulator.payments.customers import tax_id_formats

register = Register()

KIND = "tax_id"

#: Seconds until a register has answered.
ANSWERED_AFTER = 2

#: What the registers say of whoever is found, in test mode.
_FOUND = {"verified_address": "123 TEST STREET", "verified_name": "TEST"}


@register.post("/v1/customers/{customer}/tax_ids")
def create_for_customer(form: Form, customer_id: str) -> Json:
    """https://docs.stripe.com/api/tax_ids/customer_create"""
    customer = _customer(customer_id)
    clock.live_with(customer)
    return new(form, customer)


@register.get("/v1/customers/{customer}/tax_ids/{id}")
def retrieve_of_customer(form: Form, customer_id: str, tax_id_id: str) -> Json:
    """https://docs.stripe.com/api/tax_ids/customer_retrieve"""
    return _of_customer(customer_id, tax_id_id)


@register.get("/v1/customers/{customer}/tax_ids")
def list_of_customer(form: Form, customer_id: str) -> Json:
    """https://docs.stripe.com/api/tax_ids/customer_list"""
    _customer(customer_id)
    url = f"/v1/customers/{customer_id}/tax_ids"
    return lists.page(KIND, form, url=url, where={"customer": customer_id})


@register.delete("/v1/customers/{customer}/tax_ids/{id}")
def remove_from_customer(form: Form, customer_id: str, tax_id_id: str) -> Json:
    """https://docs.stripe.com/api/tax_ids/customer_delete"""
    return objects.delete(_of_customer(customer_id, tax_id_id), "customer.tax_id.deleted")


@register.post("/v1/tax_ids")
def create(form: Form) -> Json:
    """https://docs.stripe.com/api/tax_ids/create: the account's own, unless ``owner`` names a customer."""
    owner = form.get("owner") or {"type": "self"}
    if owner["type"] in ("account", "application"):
        raise NotEmulated(f"tax ids of an {owner['type']}", param="owner[type]")
    if owner["type"] == "self":
        return new(form, None)
    if not owner.get("customer"):
        raise InvalidRequest(
            "Missing required param: owner[customer].", code="parameter_missing", param="owner[customer]"
        )
    customer = store.named("customer", owner["customer"], "owner[customer]")
    clock.live_with(customer)
    return new(form, customer)


@register.get("/v1/tax_ids/{id}")
def retrieve(form: Form, tax_id_id: str) -> Json:
    """https://docs.stripe.com/api/tax_ids/retrieve"""
    return store.get(KIND, tax_id_id)


@register.get("/v1/tax_ids")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/tax_ids/list: the account's own, unless ``owner`` names a customer."""
    owner = form.get("owner") or {"type": "self"}
    where: Json = {"owner.type": owner["type"]}
    if owner.get("customer"):
        where["customer"] = owner["customer"]
    return lists.page(KIND, form, url="/v1/tax_ids", where=where)


@register.delete("/v1/tax_ids/{id}")
def remove(form: Form, tax_id_id: str) -> Json:
    """https://docs.stripe.com/api/tax_ids/delete"""
    tax_id = store.get(KIND, tax_id_id)
    return objects.delete(tax_id, "customer.tax_id.deleted" if tax_id["customer"] else None)


@register.includable("customer", "tax_ids")
def list_in_customer(customer: Json) -> Json:
    """The tax ids of a customer, shown when asked for."""
    url = f"/v1/customers/{customer['id']}/tax_ids"
    return lists.page(KIND, {}, url=url, where={"customer": customer["id"]})


@register.due("tax_id.looked_up")
def be_looked_up(tax_id_id: str) -> None:
    """The register has answered."""
    tax_id = store.get(KIND, tax_id_id)
    status = tax_id_formats.verdict(tax_id["type"], tax_id["value"])
    verification = {"status": status, **(_FOUND if status == "verified" else {})}
    objects.change(
        tax_id, "customer.tax_id.updated" if tax_id["customer"] else None, verification=verification
    )


def new(form: Form, customer: Json | None, param: str = "") -> Json:
    """A tax id from ``type`` and ``value``, with its event; without a customer the account's own.

    :param param: How the form calls these parameters, such as ``tax_id_data[0]``.
    :raises InvalidRequest: The number can't be one of that type.
    """
    kind, value = form["type"], form["value"]
    tax_id_formats.check(kind, value, f"{param}[value]" if param else "value")
    decided = tax_id_formats.verdict(kind, value)
    name = customer and customer["id"]
    tax_id = objects.create(
        KIND,
        event="customer.tax_id.created" if customer else None,
        country=tax_id_formats.country(kind, value),
        customer=name,
        owner={"customer": name, "type": "customer"} if customer else {"type": "self"},
        type=kind,
        value=value,
        verification={"status": "unavailable" if decided == "unavailable" else "pending"},
    )
    if decided in ("verified", "unverified"):
        due_work.schedule(clock.now() + ANSWERED_AFTER, "tax_id.looked_up", tax_id["id"])
    return tax_id


def shown_on_invoices(customer: Json) -> list[Json]:
    """A customer's tax ids as invoices show them, oldest first."""
    tax_ids = store.select(KIND, {"customer": customer["id"]})
    return [{"type": tax_id["type"], "value": tax_id["value"]} for tax_id in tax_ids]


def _customer(customer_id: str) -> Json:
    customer = store.get("customer", customer_id, param="customer")
    if customer.get("deleted"):
        raise NotFound(no_such("customer", customer_id), code="resource_missing", param="customer")
    return customer


def _of_customer(customer_id: str, tax_id_id: str) -> Json:
    _customer(customer_id)
    tax_id = store.get(KIND, tax_id_id)
    if tax_id["customer"] != customer_id:
        raise NotFound(no_such(KIND, tax_id_id), code="resource_missing", param="id")
    return tax_id
