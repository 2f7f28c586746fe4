"""Payment methods: cards, saved or for one payment. https://docs.stripe.com/api/payment_methods"""

from __future__ import annotations

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.core.database import store, transactions
from stripe_emulator.core.errors import CardError, InvalidRequest, NotEmulated
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import events, objects
from stripe_emulator.payments.cards import bank_accounts, cards, declines
from stripe_emulator.payments.cards.cards import Card
from stripe_emulator.payments.methods import mandates, method_forms

register = Register()


@register.post("/v1/payment_methods", publishable=True)
def create(form: Form) -> Json:
    """https://docs.stripe.com/api/payment_methods/create"""
    if "type" not in form:
        raise InvalidRequest("Missing required param: type.", code="parameter_missing", param="type")
    return method_forms.new(form)


@register.get("/v1/payment_methods/{payment_method}")
def retrieve(form: Form, payment_method_id: str) -> Json:
    """https://docs.stripe.com/api/payment_methods/retrieve"""
    return named_in_path(payment_method_id)


@register.post("/v1/payment_methods/{payment_method}")
def update(form: Form, payment_method_id: str) -> Json:
    """https://docs.stripe.com/api/payment_methods/update: the address and the expiry, never the number."""
    method = named_in_path(payment_method_id)
    if method["customer"] is None:
        raise InvalidRequest(
            "You must save this PaymentMethod to a customer before you can update it.", param="payment_method"
        )
    return objects.change(method, "payment_method.updated", **method_forms.changes(method, form))


@register.get("/v1/payment_methods")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/payment_methods/list"""
    where = {"customer": form.get("customer")} if "customer" in form else {}
    only = ("type", "allow_redisplay")
    return lists.page("payment_method", form, url="/v1/payment_methods", where=where, only=only)


@register.post("/v1/payment_methods/{payment_method}/attach")
def attach(form: Form, payment_method_id: str) -> Json:
    """https://docs.stripe.com/api/payment_methods/attach"""
    if "customer" not in form:
        raise InvalidRequest("Missing required param: customer.", code="parameter_missing", param="customer")
    method = named_in_path(payment_method_id)
    return attach_to(method, store.named("customer", form["customer"], "customer"))


@register.post("/v1/payment_methods/{payment_method}/detach")
def detach(form: Form, payment_method_id: str) -> Json:
    """https://docs.stripe.com/api/payment_methods/detach; for good, it can't be used again."""
    method = named_in_path(payment_method_id)
    if method["customer"] is None:
        raise InvalidRequest(
            "The payment method you provided is not attached to a customer so detachment is impossible.",
            param="payment_method",
        )
    return detach_from(method)


def named(method_id: str, param: str) -> Json:
    """The payment method that a parameter names; ``pm_card_visa`` and its like make one for each request."""
    card = cards.named(method_id) if method_id.startswith("pm_card_") else None
    if card is None:
        return store.named("payment_method", method_id, param)
    made: dict[str, Json] = transactions.current().memo.setdefault("test_payment_methods", {})
    if method_id not in made:
        made[method_id] = _new_test_card(card)
    return made[method_id]


def named_in_path(method_id: str) -> Json:
    """The payment method that the URL names, or a new one from ``pm_card_visa`` and its like."""
    card = cards.named(method_id) if method_id.startswith("pm_card_") else None
    return _new_test_card(card) if card else store.get("payment_method", method_id, param="payment_method")


def _new_test_card(card: Card) -> Json:
    """A card by its name, ``pm_card_visa``: it expires a year from now."""
    now = clock.month_index(clock.now())
    return method_forms.new_card(card, exp_month=(now - 1) % 12 + 1, exp_year=(now - 1) // 12 + 1)


def card_of(method: Json) -> Card:
    """The test card, or the account, behind a payment method: what its bank will say.

    :raises NotEmulated: It is of a type that cannot pay here.
    """
    if method["type"] == "card":
        return cards.numbered(method["_number"])
    if method["type"] == "sepa_debit":
        return bank_accounts.numbered(method["_number"])
    raise NotEmulated(f"paying by {method['type']}", param="payment_method")


def attach_to(method: Json, customer: Json) -> Json:
    """Save a card for a customer. What is attached to someone else stays there.

    :raises CardError: The bank refuses the card already now.
    """
    if method["customer"] == customer["id"]:
        return method
    if is_spent(method):
        raise InvalidRequest(
            "This PaymentMethod was previously used without being attached to a Customer or was detached"
            " from a Customer, and may not be used again.",
            code="payment_method_unexpected_state",
            param="payment_method",
        )
    if method["customer"] is not None:
        raise InvalidRequest(
            "The payment method you provided has already been attached to a customer.",
            param="payment_method",
        )
    if method["type"] == "card":
        _check_savable(card_of(method))
    objects.change(method, customer=customer["id"])
    events.emit("payment_method.attached", method)
    return method


def _check_savable(card: Card) -> None:
    if card.decline and card.refuses_setup and card.asks == "never":
        code, decline_code = card.decline
        param = declines.PARAMS.get(code, "")
        raise CardError(declines.MESSAGES[decline_code], code=code, param=param, decline_code=decline_code)


def is_spent(method: Json) -> bool:
    """Whether it paid once without a customer, or was detached from one: it may not be used again."""
    return bool(method.get("_detached") or (method.get("_paid") and method["customer"] is None))


def detach_from(method: Json) -> Json:
    """Take a card away from its customer, also as the default for invoices."""
    owner = store.find("customer", method["customer"])
    if owner and (owner.get("invoice_settings") or {}).get("default_payment_method") == method["id"]:
        settings = owner["invoice_settings"] | {"default_payment_method": None}
        objects.change(owner, "customer.updated", invoice_settings=settings)
    before = method["customer"]
    objects.change(method, customer=None, _detached=True)
    mandates.revoke_all_of(method)
    events.emit("payment_method.detached", method, previous={"customer": before})
    return method
