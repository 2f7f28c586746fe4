"""A Checkout Session as stripe.js gives it to a page. https://docs.stripe.com/js/custom_checkout/session_object"""

from __future__ import annotations

from stripe_emulator.checkout.completion import session_intents
from stripe_emulator.checkout.lines import session_discounts
from stripe_emulator.core import money
from stripe_emulator.core.database import store
from stripe_emulator.core.types import Json
from stripe_emulator.payments.account import account


def shown(session: Json) -> Json:
    """The session in stripe.js' words; ``canConfirm`` is added by the script, which sees the fields."""
    code = session["currency"]
    customer = store.find("customer", session["customer"]) if session["customer"] else None
    known = customer or {}
    return {
        "id": session["id"],
        "billingAddress": None,
        "businessName": account.name(),
        "currency": code,
        "currencyOptions": None,
        "discountAmounts": _discounts(session, code),
        "email": session["customer_email"] or known.get("email") or session.get("_email"),
        "lastPaymentError": _last_error(session),
        "lineItems": [_line(line, code) for line in session["_lines"]],
        "livemode": False,
        "minorUnitsAmountDivisor": 10 ** money.decimals(code) if code else 100,
        "phoneNumber": None,
        "recurring": _recurring(session),
        "savedPaymentMethods": [_saved(method) for method in saved_cards(session)] or None,
        "shipping": _shipping(session, code),
        "shippingAddress": (session["collected_information"] or {}).get("shipping_details"),
        "shippingOptions": [_way(option, code) for option in session["shipping_options"] or []],
        "status": _status(session),
        "tax": {"status": "ready"},
        "taxAmounts": None,
        "taxIdInfo": None,
        "total": _total(session, code),
    }


def saved_cards(session: Json) -> list[Json]:
    """The cards that the session's customer is offered again, newest first."""
    if session["customer"] is None or session["mode"] == "setup":
        return []
    shown_ones = (session["saved_payment_method_options"] or {}).get("allow_redisplay_filters") or ["always"]
    where = {"customer": session["customer"], "allow_redisplay": shown_ones}
    return store.select("payment_method", where)[::-1]


def _status(session: Json) -> Json:
    if session["status"] == "complete":
        return {"type": "complete", "paymentStatus": session["payment_status"]}
    return {"type": session["status"]}


def _last_error(session: Json) -> Json | None:
    error = (session_intents.intent_of(session) or {}).get("last_payment_error")
    return {"message": error["message"]} if error else None


def _amount(value: int | None, code: str | None) -> Json:
    return {"minorUnitsAmount": value or 0, "amount": money.text(value or 0, code or "usd")}


def _total(session: Json, code: str | None) -> Json:
    details = session["total_details"] or {"amount_discount": 0, "amount_tax": 0}
    return {
        "appliedBalance": _amount(0, code),
        "balanceAppliedToNextInvoice": False,
        "discount": _amount(details["amount_discount"], code),
        "shippingRate": _amount(details.get("amount_shipping"), code),
        "subtotal": _amount(session["amount_subtotal"], code),
        "taxExclusive": _amount(details["amount_tax"], code),
        "taxInclusive": _amount(0, code),
        "total": _amount(session["amount_total"], code),
    }


def _shipping(session: Json, code: str) -> Json | None:
    """The way of shipping that was taken; where the shop offers any, its first."""
    cost = session["shipping_cost"]
    ways = {option["shipping_rate"]: option for option in session["shipping_options"] or []}
    if not cost:
        return None
    return {"shippingOption": _way(ways[cost["shipping_rate"]], code), "taxAmounts": None}


def _way(option: Json, code: str) -> Json:
    rate = store.get("shipping_rate", option["shipping_rate"])
    estimate = rate["delivery_estimate"]
    return {
        "id": rate["id"],
        **_amount(option["shipping_amount"], code),
        "currency": code,
        "displayName": rate["display_name"],
        "deliveryEstimate": estimate and {name: estimate.get(name) for name in ("maximum", "minimum")},
    }


def _discounts(session: Json, code: str) -> list[Json] | None:
    """What a promotion code or a coupon takes off, with its name."""
    name = session_discounts.named(session)
    if name is None:
        return None
    typed = any(discount["promotion_code"] for discount in session["discounts"])
    off = _amount(session["total_details"]["amount_discount"], code)
    return [{**off, "displayName": name, "promotionCode": name if typed else None, "recurring": None}]


def _line(line: Json, code: str) -> Json:
    adjustable = line["adjustable_quantity"]
    recurring = line["price"]["recurring"]
    quantity = line["quantity"] or 0
    return {
        "id": line["id"],
        "name": line["description"],
        "description": None,
        "quantity": quantity,
        "adjustableQuantity": {"maximum": adjustable["maximum"] or 99, "minimum": adjustable["minimum"] or 0}
        if adjustable and adjustable["enabled"]
        else None,
        "discount": _amount(line["amount_discount"], code),
        "discountAmounts": None,
        "images": [],
        "recurring": {
            "interval": recurring["interval"],
            "intervalCount": recurring["interval_count"],
            "isProrated": False,
            "usageType": recurring["usage_type"],
        }
        if recurring
        else None,
        "subtotal": _amount(line["amount_subtotal"], code),
        "taxAmounts": None,
        "taxExclusive": _amount(line["amount_tax"], code),
        "taxInclusive": _amount(0, code),
        "total": _amount(line["amount_total"], code),
        "unitAmount": _amount(line["price"]["unit_amount"], code),
    }


def _recurring(session: Json) -> Json | None:
    """The period that the subscription renews by, and its trial."""
    price = next((line["price"] for line in session["_lines"] if line["price"]["recurring"]), None)
    if price is None:
        return None
    data = session["_subscription_data"] or {}
    days = data.get("trial_period_days")
    return {
        "interval": price["recurring"]["interval"],
        "intervalCount": price["recurring"]["interval_count"],
        "trial": {"trialEnd": data.get("trial_end"), "trialPeriodDays": days}
        if days or data.get("trial_end")
        else None,
    }


def _saved(method: Json) -> Json:
    card, details = method["card"], method["billing_details"]
    return {
        "id": method["id"],
        "type": "card",
        "billingDetails": {key: details[key] for key in ("address", "email", "name", "phone")},
        "card": {
            "brand": card["brand"],
            "expMonth": card["exp_month"],
            "expYear": card["exp_year"],
            "last4": card["last4"],
        },
    }
