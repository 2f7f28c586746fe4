"""How objects looked before 2025-03-31.basil.

An invoice and a payment named each other, a line its price, a subscription its period, and taxes
had a shape of their own. https://docs.stripe.com/changelog/basil
"""

from __future__ import annotations

from typing import Any

from stripe_emulator import contract
from stripe_emulator.core.database import store
from stripe_emulator.core.types import Json
from stripe_emulator.versions.change import Find, VersionChange


def declare(change: VersionChange) -> None:
    """Name how each kind looked before."""
    change.answer("charge")(charge)
    change.answer("checkout.session")(session)
    change.answer("credit_note")(credit_note)
    change.answer("credit_note_line_item")(credit_note_line)
    change.answer("invoice")(invoice)
    change.answer("invoiceitem")(invoiceitem)
    change.answer("line_item")(line)
    change.answer("payment_intent")(payment_intent)
    change.answer("plan")(plan)
    change.answer("price")(price)
    change.answer("subscription")(subscription)
    change.answer("subscription_item")(subscription_item)
    change.answer("subscription_schedule")(schedule)


def invoice(invoice: Json, find: Find) -> None:
    """The subscription, the payment and the charge by name; taxes by rate."""
    parent = invoice.pop("parent") or {}
    details = parent.get("subscription_details") or {}
    quote = (parent.get("quote_details") or {}).get("quote")
    payment = _payment_of(invoice)
    intent = find("payment_intent", payment["payment"]["payment_intent"]) if payment else None
    taxes = invoice.pop("total_taxes") or []
    invoice |= {
        "application_fee_amount": None,
        "charge": intent and intent["latest_charge"],
        "discount": _first_discount(invoice, find),
        "paid": invoice["status"] == "paid",
        "paid_out_of_band": invoice["status"] == "paid"
        and payment is not None
        and payment["status"] == "canceled",
        "payment_intent": intent and intent["id"],
        "quote": quote,
        "subscription": details.get("subscription"),
        "subscription_details": {"metadata": details.get("metadata")},
        "tax": sum(tax["amount"] for tax in taxes) if taxes else None,
        "total_tax_amounts": [_tax(tax) for tax in taxes],
        "transfer_data": None,
    }
    if "subscription_proration_date" in details:
        invoice["subscription_proration_date"] = details["subscription_proration_date"]
    for later in ("amount_overpaid", "confirmation_secret", "payments"):
        invoice.pop(later, None)


def line(line: Json, find: Find) -> None:
    """The price and the plan themselves; a line of a subscription or of an invoice item."""
    parent = line.pop("parent")
    from_item = parent["type"] == "invoice_item_details"
    details = parent["invoice_item_details"] or parent["subscription_item_details"] or {}
    taxes = line.pop("taxes") or []
    shown = _price_of(line.pop("pricing"), find)
    source = store.find("invoiceitem", details.get("invoice_item") or "")
    inclusive = sum(tax["amount"] for tax in taxes if tax["tax_behavior"] == "inclusive")
    without_tax = line["amount"] - inclusive
    line |= {
        "amount_excluding_tax": without_tax,
        "plan": shown and plan_of(shown),
        "price": shown,
        "proration": bool(details.get("proration")),
        "proration_details": details.get("proration_details") or {"credited_items": None},
        "tax_amounts": [_tax(tax) for tax in taxes],
        "tax_rates": (source and source["tax_rates"]) or _rates(taxes, find),
        "type": "invoiceitem" if from_item or details.get("invoice_item") else "subscription",
        "unit_amount_excluding_tax": _each(without_tax, line["quantity"]),
    }
    if details.get("invoice_item"):
        line["invoice_item"] = details["invoice_item"]
    if details.get("subscription_item"):
        line["subscription_item"] = details["subscription_item"]


def invoiceitem(item: Json, find: Find) -> None:
    """The price and the plan themselves, and the subscription by name."""
    details = (item.pop("parent") or {}).get("subscription_details") or {}
    pricing = item.pop("pricing") or {}
    shown = _price_of(pricing, find)
    exact: str | None = pricing.get("unit_amount_decimal")
    item |= {
        "plan": shown and plan_of(shown),
        "price": shown,
        "subscription": details.get("subscription"),
        "unit_amount": int(exact) if exact is not None and "." not in exact else None,
        "unit_amount_decimal": exact,
    }
    if details.get("subscription_item"):
        item["subscription_item"] = details["subscription_item"]


def subscription(subscription: Json, find: Find) -> None:
    """The period of the whole, and one discount itself."""
    data = subscription["items"]["data"]
    subscription |= {
        "billing_thresholds": subscription.get("billing_thresholds"),
        "current_period_end": min((item["current_period_end"] for item in data), default=None),
        "current_period_start": max((item["current_period_start"] for item in data), default=None),
        "discount": _first_discount(subscription, find),
    }


def subscription_item(item: Json, find: Find) -> None:
    """A period belonged to the subscription."""
    for later in ("current_period_end", "current_period_start"):
        item.pop(later, None)
    item.setdefault("billing_thresholds", None)


def schedule(schedule: Json, find: Find) -> None:
    """One coupon for each phase."""
    for phase in schedule["phases"]:
        named = [discount["coupon"] for discount in phase["discounts"] if discount["coupon"]]
        phase["coupon"] = named[0] if named else None


def charge(charge: Json, find: Find) -> None:
    """The invoice that the charge pays."""
    charge["invoice"] = _invoice_of(charge["payment_intent"])


def payment_intent(intent: Json, find: Find) -> None:
    """The invoice that the payment pays."""
    intent["invoice"] = _invoice_of(intent["id"])


def session(session: Json, find: Find) -> None:
    """Where the goods go, by itself."""
    session["shipping_details"] = (session.get("collected_information") or {}).get("shipping_details")


def credit_note(note: Json, find: Find) -> None:
    """One refund by name; taxes by rate."""
    refunds = note.pop("refunds") or []
    taxes = note.pop("total_taxes") or []
    note |= {"refund": refunds[0]["refund"] if refunds else None, "tax_amounts": [_tax(tax) for tax in taxes]}
    for later in ("post_payment_amount", "pre_payment_amount"):
        note.pop(later, None)


def credit_note_line(line: Json, find: Find) -> None:
    """Taxes by rate, and what is left without them."""
    taxes = line.pop("taxes") or []
    inclusive = sum(tax["amount"] for tax in taxes if tax["tax_behavior"] == "inclusive")
    line |= {
        "amount_excluding_tax": line["amount"] - inclusive,
        "tax_amounts": [_tax(tax) for tax in taxes],
        "unit_amount_excluding_tax": _each(line["amount"] - inclusive, line["quantity"]),
    }


def price(price: Json, find: Find) -> None:
    """Usage that was counted by Stripe itself had a way to add it up."""
    if price.get("recurring"):
        price["recurring"]["aggregate_usage"] = None


def plan(plan: Json, find: Find) -> None:
    """Usage that was counted by Stripe itself had a way to add it up."""
    plan["aggregate_usage"] = None


def plan_of(price: Json) -> Json | None:
    """A recurring price in the shape that plans had."""
    recurring = price["recurring"]
    if recurring is None:
        return None
    same = (
        "active",
        "billing_scheme",
        "created",
        "currency",
        "id",
        "livemode",
        "metadata",
        "nickname",
        "product",
    )
    of_recurring = ("interval", "interval_count", "meter", "trial_period_days", "usage_type")
    return (
        contract.blank("plan")
        | {key: price[key] for key in same}
        | {key: recurring[key] for key in of_recurring}
        | {
            "amount": price["unit_amount"],
            "amount_decimal": price["unit_amount_decimal"],
            "tiers_mode": price["tiers_mode"],
            "transform_usage": price["transform_quantity"],
        }
    )


def _first_discount(holder: Json, find: Find) -> Json | None:
    held: list[Any] = holder["discounts"]
    if not held:
        return None
    first: Json | None = find("discount", held[0]) if isinstance(held[0], str) else held[0]
    return first


def _payment_of(invoice: Json) -> Json | None:
    if "id" not in invoice:
        return None
    payments = store.select("invoice_payment", {"invoice": invoice["id"]})
    named = [payment for payment in payments if payment["payment"].get("payment_intent")]
    return next((payment for payment in named if payment["is_default"]), None)


def _invoice_of(intent: str | None) -> str | None:
    payments = store.select("invoice_payment", {"payment_intent": intent}, limit=1) if intent else []
    return payments[0]["invoice"] if payments else None


def _price_of(pricing: Json | None, find: Find) -> Json | None:
    named = ((pricing or {}).get("price_details") or {}).get("price")
    return find("price", named) if isinstance(named, str) else named


def _tax(tax: Json) -> Json:
    """A tax, whose rate stood by itself."""
    return {
        "amount": tax["amount"],
        "inclusive": tax["tax_behavior"] == "inclusive",
        "tax_rate": (tax["tax_rate_details"] or {}).get("tax_rate"),
        "taxability_reason": tax["taxability_reason"],
        "taxable_amount": tax["taxable_amount"],
    }


def _rates(taxes: list[Json], find: Find) -> list[Json]:
    named = [(tax["tax_rate_details"] or {}).get("tax_rate") for tax in taxes]
    return [rate for rate in (find("tax_rate", name) for name in named if name) if rate is not None]


def _each(amount: int, quantity: int | None) -> str:
    """The amount of one unit, as exactly as Stripe writes it."""
    if not quantity:
        return str(amount)
    each = amount / quantity
    return str(int(each)) if each == int(each) else f"{each:.12f}".rstrip("0")
