"""A payment method from what a form says of it: a card, a token, a bank account."""

from __future__ import annotations

import hashlib

from stripe_emulator.core import emails, ids
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import CardError, InvalidRequest
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import objects
from stripe_emulator.payments.cards import bank_accounts, cards
from stripe_emulator.payments.cards.cards import Card

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
        account = bank_accounts.numbered(details.get("iban", ""))
        fields["_number"] = account.number
        fields[kind] = {
            "bank_code": bank_accounts.bank_code(account.number),
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
