"""Tokens: a card's details, sent by a browser and used once. https://docs.stripe.com/api/tokens

What a token stands for is a payment method from the start; who uses the token gets it.
"""

from __future__ import annotations

from typing import Any

from stripe_emulator.api.register import Register
from stripe_emulator.core import ids
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest, NotEmulated, only_one_of
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form, without_effect
from stripe_emulator.events import objects
from stripe_emulator.payments.cards import cards
from stripe_emulator.payments.methods import method_forms
from stripe_emulator.payments.sources import legacy_cards

register = Register()

#: What a token can be of; each request is of exactly one of them.
KINDS = ("account", "bank_account", "card", "cvc_update", "person", "pii")
#: What a year of two digits is of.
CENTURY = 2000
_NOT_YET = ("account", "bank_account", "person")


@register.post("/v1/tokens", publishable=True)
def create(form: Form) -> Json:
    """https://docs.stripe.com/api/tokens/create_card, create_pii, create_cvc_update"""
    if form.get("customer"):
        raise NotEmulated("tokens of a customer's card, which are Connect's", param="customer")
    wanted = [kind for kind in KINDS if form.get(kind)]
    if not wanted:
        raise InvalidRequest(
            "You must supply either a card, customer, PII data, bank account, or account to create a token."
        )
    if len(wanted) > 1:
        raise only_one_of(*wanted, param=wanted[0])
    (kind,) = wanted
    if kind in _NOT_YET:
        raise NotEmulated(f"tokens of a {kind.replace('_', ' ')}", param=kind)
    if kind == "card":
        return _of_card(form["card"])
    if kind == "cvc_update" and not _is_cvc(form["cvc_update"]["cvc"]):
        raise InvalidRequest(
            "Your card's security code is invalid.", code="invalid_cvc", param="cvc_update[cvc]"
        )
    if kind == "pii":
        without_effect(form["pii"], "id_number")  # a token never shows what it stands for
    return _token(kind)


@register.get("/v1/tokens/{token}")
def retrieve(form: Form, token_id: str) -> Json:
    """https://docs.stripe.com/api/tokens/retrieve"""
    return store.get("token", token_id, param="token")


def _of_card(details: Json | str) -> Json:
    if isinstance(details, str):
        raise NotEmulated("tokens of a token", param="card")
    if "number" not in details:
        raise InvalidRequest(
            "Missing required param: card[number].", code="parameter_missing", param="card[number]"
        )
    year = legacy_cards.whole(details["exp_year"], "exp_year")
    method = method_forms.new_card(
        cards.numbered(details["number"]),
        exp_month=legacy_cards.whole(details["exp_month"], "exp_month"),
        exp_year=year + CENTURY if year < 100 else year,
        cvc=details.get("cvc"),
        form={"billing_details": legacy_cards.billing_details(details)},
        method_id=ids.new("card"),
    )
    return _token("card", card=legacy_cards.shown(method), _method=method["id"])


def _token(kind: str, **fields: Any) -> Json:
    return objects.create("token", client_ip="127.0.0.1", type=kind, used=False, **fields)


def _is_cvc(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) in (3, 4)
