"""Cards as sources of their customer, as older integrations save them. https://docs.stripe.com/api/cards

Such a card is a payment method whose id begins with ``card_``: both families of routes know it.
"""

from __future__ import annotations

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest, NotEmulated, NotFound, no_such
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import events, objects
from stripe_emulator.payments.methods import method_forms, payment_methods
from stripe_emulator.payments.sources import legacy_cards

register = Register()

PREFIX = "card_"


@register.post("/v1/customers/{customer}/sources")
def create(form: Form, customer_id: str) -> Json:
    """https://docs.stripe.com/api/cards/create; the first one becomes the default."""
    customer = _customer(customer_id)
    method = save(customer, form["source"], "source")
    if form.get("metadata"):
        objects.change(method, metadata=objects.merged({}, form["metadata"]))
    if customer["default_source"] is None:
        objects.change(customer, "customer.updated", default_source=method["id"])
    return legacy_cards.shown(method)


@register.get("/v1/customers/{customer}/sources/{id}")
def retrieve(form: Form, customer_id: str, card_id: str) -> Json:
    """https://docs.stripe.com/api/cards/retrieve"""
    return legacy_cards.shown(_card(_customer(customer_id), card_id))


@register.post("/v1/customers/{customer}/sources/{id}")
def update(form: Form, customer_id: str, card_id: str) -> Json:
    """https://docs.stripe.com/api/cards/update"""
    method = _card(_customer(customer_id), card_id)
    for param in ("account_holder_name", "account_holder_type", "owner"):
        if param in form:
            raise InvalidRequest(f"Cards have no {param}.", code="parameter_unknown", param=param)
    before = legacy_cards.shown(method)
    wanted: Json = {"billing_details": legacy_cards.billing_details(form)}
    expiry = {key: legacy_cards.whole(form[key], key) for key in ("exp_month", "exp_year") if key in form}
    if expiry:
        wanted["card"] = expiry
    if "metadata" in form:
        wanted["metadata"] = form["metadata"]
    objects.change(method, **method_forms.changes(method, wanted))
    card = legacy_cards.shown(method)
    previous = {key: value for key, value in before.items() if card[key] != value}
    if previous:
        events.emit("customer.source.updated", card, previous=previous)
    return card


@register.get("/v1/customers/{customer}/sources")
def list_all(form: Form, customer_id: str) -> Json:
    """https://docs.stripe.com/api/cards/list, newest first"""
    _customer(customer_id)
    url = f"/v1/customers/{customer_id}/sources"
    if form.get("object", "card") != "card":
        return lists.list_of([], url=url)
    return lists.slice_of(_cards_of(customer_id), form, url=url)


@register.delete("/v1/customers/{customer}/sources/{id}")
def remove(form: Form, customer_id: str, card_id: str) -> Json:
    """https://docs.stripe.com/api/cards/delete; another card becomes the default if it was that."""
    customer = _customer(customer_id)
    method = _card(customer, card_id)
    forget(customer, method)
    return {"id": card_id, "object": "card", "deleted": True}


@register.includable("customer", "sources")
def list_in_customer(customer: Json) -> Json:
    """A customer's cards in the old shape, shown when asked for."""
    return lists.slice_of(_cards_of(customer["id"]), {}, url=f"/v1/customers/{customer['id']}/sources")


def save(customer: Json, source: Json | str, param: str) -> Json:
    """Save the card of a token for a customer, with its event; return the payment method that it is.

    :raises CardError: The bank refuses the card already now.
    """
    if not isinstance(source, str):
        raise NotEmulated("sources with the details of a card", param=param)
    if not source.startswith("tok_"):
        raise NotEmulated(f"sources such as {source[:40]}", param=param)
    method = method_forms.from_token(source, {}, param, as_source=True)
    payment_methods.attach_to(method, customer)
    events.emit("customer.source.created", legacy_cards.shown(method))
    return method


def forget(customer: Json, method: Json) -> None:
    """Take a card away from its customer, with its event; the newest of the others is the default then."""
    card = legacy_cards.shown(method)
    payment_methods.detach_from(method)
    events.emit("customer.source.deleted", card)
    if customer["default_source"] == method["id"]:
        left = _cards_of(customer["id"])
        objects.change(customer, "customer.updated", default_source=left[0]["id"] if left else None)


def of_customer(customer: Json, card_id: str, param: str) -> Json:
    """The customer's card that a parameter names.

    :raises InvalidRequest: They have no such card.
    """
    method = store.find("payment_method", card_id)
    if method is None or method["customer"] != customer["id"]:
        raise InvalidRequest(no_such("source", card_id), code="resource_missing", param=param)
    return method


def _customer(customer_id: str) -> Json:
    customer = store.get("customer", customer_id, param="customer")
    if customer.get("deleted"):
        raise NotFound(no_such("customer", customer_id), code="resource_missing", param="customer")
    return customer


def _card(customer: Json, card_id: str) -> Json:
    method = store.find("payment_method", card_id)
    if method is None or method["customer"] != customer["id"] or method["type"] != "card":
        raise NotFound(no_such("source", card_id), code="resource_missing", param="id")
    return method


def _cards_of(customer_id: str) -> list[Json]:
    """A customer's cards in the old shape, newest first."""
    methods = store.select("payment_method", {"customer": customer_id, "type": "card"})
    return [legacy_cards.shown(method) for method in methods if method["id"].startswith(PREFIX)][::-1]
