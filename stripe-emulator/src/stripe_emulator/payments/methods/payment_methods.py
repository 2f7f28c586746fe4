"""Payment methods: cards, saved or for one payment. https://docs.stripe.com/api/payment_methods"""

from __future__ import annotations

import hashlib

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.core import emails, ids
from stripe_emulator.core.database import store, transactions
from stripe_emulator.core.errors import CardError, InvalidRequest, NotEmulated
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import events, objects
from stripe_emulator.payments.cards import cards
from stripe_emulator.payments.cards.cards import Card
from stripe_emulator.payments.methods import mandates

register = Register()

#: The BIC of each bank that takes iDEAL.
IDEAL_BICS = {
    "abn_amro": "ABNANL2A",
    "asn_bank": "ASNBNL21",
    "bunq": "BUNQNL2A",
    "handelsbanken": "HANDNL2A",
    "ing": "INGBNL2A",
    "knab": "KNABNL2H",
    "moneyou": "MOYONL21",
    "n26": "NTSBDEB1",
    "nn": "NNBANL2G",
    "rabobank": "RABONL2U",
    "regiobank": "RBRBNL21",
    "revolut": "REVOLT21",
    "sns_bank": "SNSBNL2A",
    "triodos_bank": "TRIONL2U",
    "van_lanschot": "FVLBNL22",
    "yoursafe": "BITSNL2A",
}

NO_ADDRESS = {"city": None, "country": None, "line1": None, "line2": None, "postal_code": None, "state": None}


@register.post("/v1/payment_methods", publishable=True)
def create(form: Form) -> Json:
    """https://docs.stripe.com/api/payment_methods/create"""
    if "type" not in form:
        raise InvalidRequest("Missing required param: type.", code="parameter_missing", param="type")
    return new(form)


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
    return objects.change(method, "payment_method.updated", **changes(method, form))


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


def changes(method: Json, form: Form) -> Json:
    """What an update asks to change: the address, the expiry, who is shown the card again.

    :raises CardError: The card would be out of date.
    """
    after = objects.patch(method, form, ("allow_redisplay",))
    if "billing_details" in form:
        after["billing_details"] = _billing_details(form["billing_details"] or {}, method["billing_details"])
    card = form.get("card") or {}
    expiry = {key: card[key] for key in ("exp_month", "exp_year") if key in card}
    if expiry:
        _check_expiry(**{**{key: method["card"][key] for key in ("exp_month", "exp_year")}, **expiry})
        after["card"] = method["card"] | expiry
    return after


def new(form: Form) -> Json:
    """A payment method from creation parameters, not attached to anyone."""
    kind = form.get("type", "card")
    if kind != "card":
        return new_other(kind, form)
    details = form.get("card") or {}
    if "token" in details:
        return from_token(details["token"], form, "card[token]")
    for name in ("number", "exp_month", "exp_year"):
        if name not in details:
            raise InvalidRequest(
                f"Missing required param: card[{name}].", code="parameter_missing", param=f"card[{name}]"
            )
    return new_card(
        cards.numbered(details["number"]),
        exp_month=int(details["exp_month"]),
        exp_year=int(details["exp_year"]),
        cvc=details.get("cvc"),
        form=form,
    )


def new_card(
    card: Card,
    *,
    exp_month: int = 12,
    exp_year: int = 2034,
    cvc: str | None = "123",
    form: Form | None = None,
    method_id: str | None = None,
) -> Json:
    """A payment method of a card, not attached to anyone.

    :param form: ``billing_details``, ``metadata``, ``allow_redisplay`` as at creation.
    :param method_id: Its id, if it isn't to be drawn.
    :raises CardError: The expiry or the security code can't be.
    """
    form = form or {}
    _check_expiry(exp_month, exp_year)
    _check_cvc(cvc)
    details = _billing_details(form.get("billing_details") or {})
    return objects.create(
        "payment_method",
        id=method_id,
        type="card",
        allow_redisplay=form.get("allow_redisplay", "unspecified"),
        billing_details=details,
        metadata=form.get("metadata"),
        card={
            "brand": card.brand,
            "checks": _checks(card, cvc, details["address"] or NO_ADDRESS),
            "country": card.country,
            "display_brand": {"amex": "american_express"}.get(card.brand, card.brand),
            "exp_month": exp_month,
            "exp_year": exp_year,
            "fingerprint": _fingerprint(card),
            "funding": card.funding,
            "generated_from": None,
            "last4": card.last4,
            "networks": {"available": [card.brand], "preferred": None},
            "regulated_status": "unregulated",
            "three_d_secure_usage": {"supported": card.takes_3ds},
            "wallet": None,
        },
        _number=card.number,
    )


def new_other(kind: str, form: Form) -> Json:
    """A payment method that is no card. Bank debits by IBAN can pay; others are there to be looked at."""
    details = dict(form.get(kind) or {})
    for name, value in details.items():
        if value in ("", None):
            raise InvalidRequest(
                f"You passed an empty string for '{kind}[{name}]'.",
                code="parameter_invalid_empty",
                param=f"{kind}[{name}]",
            )
    if kind == "fpx" and "bank" not in details:
        raise InvalidRequest(
            "Missing required param: fpx[bank].", code="parameter_missing", param="fpx[bank]"
        )
    fields: Json = {kind: details}
    if kind == "sepa_debit":
        account = cards.account(details.get("iban", ""))
        fields["_number"] = account.number
        fields[kind] = {
            "bank_code": cards.bank_code(account.number),
            "branch_code": "",
            "country": account.country,
            "fingerprint": _fingerprint(account),
            "generated_from": {"charge": None, "setup_attempt": None},
            "last4": account.last4,
        }
    elif kind == "ideal":
        fields[kind] = {"bank": details.get("bank"), "bic": IDEAL_BICS.get(details.get("bank", ""))}
    return objects.create(
        "payment_method",
        type=kind,
        allow_redisplay=form.get("allow_redisplay", "unspecified"),
        billing_details=_billing_details(form.get("billing_details") or {}),
        metadata=form.get("metadata"),
        **fields,
    )


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
    return new_card(card, exp_month=(now - 1) % 12 + 1, exp_year=(now - 1) // 12 + 1)


def from_token(token_id: str, form: Form, param: str, *, as_source: bool = False) -> Json:
    """A payment method from ``tok_visa`` and its like, or from a token that was made, which is used up.

    :param as_source: Its id begins with ``card_``, as ids of sources do.
    :raises InvalidRequest: No such token of a card, or it has been used.
    """
    card = cards.named(token_id)
    if card is not None:
        return new_card(card, form=form, method_id=ids.new("card") if as_source else None)
    token = store.find("token", token_id)
    if token is None or token["type"] != "card":
        raise InvalidRequest(f"No such token: '{token_id}'", code="resource_missing", param=param)
    if token["used"]:
        raise InvalidRequest(
            f"You cannot use a Stripe token more than once: {token_id}.",
            code="token_already_used",
            param=param,
        )
    objects.change(token, used=True)
    method = store.get("payment_method", token["_method"])
    if as_source:
        return method
    return new_card(
        cards.numbered(method["_number"]),
        exp_month=method["card"]["exp_month"],
        exp_year=method["card"]["exp_year"],
        cvc="123" if method["card"]["checks"]["cvc_check"] else None,
        form={"billing_details": method["billing_details"], **form},
    )


def card_of(method: Json) -> Card:
    """The test card, or the account, behind a payment method: what its bank will say.

    :raises NotEmulated: It is of a type that cannot pay here.
    """
    if method["type"] == "card":
        return cards.numbered(method["_number"])
    if method["type"] == "sepa_debit":
        return cards.account(method["_number"])
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
        param = cards.PARAMS.get(code, "")
        raise CardError(cards.MESSAGES[decline_code], code=code, param=param, decline_code=decline_code)


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


def _fingerprint(card: Card) -> str:
    """The fingerprint of a card number, equal for everyone who saves it."""
    return hashlib.sha256(card.number.encode()).hexdigest()[:16]


def _billing_details(form: Form, before: Json | None = None) -> Json:
    details = dict(
        before or {"address": NO_ADDRESS, "email": None, "name": None, "phone": None, "tax_id": None}
    )
    emails.check(form.get("email"), "billing_details[email]")
    for key, value in form.items():
        if key == "address":
            details["address"] = (details["address"] or NO_ADDRESS) | (value or {})
        else:
            details[key] = value or None
    return details


def _check_expiry(exp_month: int, exp_year: int) -> None:
    if not 1 <= exp_month <= 12:
        raise CardError(
            "Your card's expiration month is invalid.", code="invalid_expiry_month", param="exp_month"
        )
    now = clock.month_index(clock.now())
    expires = exp_year * 12 + exp_month
    if 1970 <= exp_year <= 9999 and expires < now and exp_year == (now - 1) // 12:
        raise CardError(
            "Your card's expiration month is invalid.", code="invalid_expiry_month", param="exp_month"
        )
    if not 1970 <= exp_year <= 9999 or expires < now:
        raise CardError(
            "Your card's expiration year is invalid.", code="invalid_expiry_year", param="exp_year"
        )


def _check_cvc(cvc: str | None) -> None:
    """:raises CardError: It is there, and neither three nor four digits."""
    if cvc is not None and not (cvc.isascii() and cvc.isdigit() and len(cvc) in (3, 4)):
        raise CardError("Your card's security code is invalid.", code="invalid_cvc", param="cvc")


def _checks(card: Card, cvc: str | None, address: Json) -> Json:
    """What the bank says of the code and the address, as far as they were given."""
    given = {
        "address_line1_check": address["line1"],
        "address_postal_code_check": address["postal_code"],
        "cvc_check": cvc,
    }
    verdicts = {
        name: "fail" if name in card.fails else (name != "cvc_check" and card.address_checks) or "pass"
        for name in given
    }
    return {name: verdicts[name] if value else None for name, value in given.items()}
