"""What moves a customer's billing credits, and what they add up to.

https://docs.stripe.com/api/billing/credit-balance-transaction

Finalizing an invoice takes from grants, for the lines of metered prices that their scope names; a void
invoice gives back what it took.
"""

from __future__ import annotations

from typing import Any

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.billing.metering import usage
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest, NotEmulated
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import events, objects

register = Register()

KIND, TRANSACTION = "billing.credit_grant", "billing.credit_balance_transaction"


@register.get("/v1/billing/credit_balance_summary")
def summarize(form: Form) -> Json:
    """https://docs.stripe.com/api/billing/credit-balance-summary/retrieve"""
    customer = customer_of(form)
    clock.live_with(customer)
    wanted = form["filter"]
    if wanted["type"] == "credit_grant":
        grants = [store.named(KIND, wanted.get("credit_grant", ""), "filter[credit_grant]")]
    else:
        scope = scope_of(wanted.get("applicability_scope") or {}, "filter[applicability_scope]")
        grants = [
            grant
            for grant in store.select(KIND, {"customer": customer["id"]})
            if grant["applicability_config"]["scope"] == scope
        ]
    currencies = sorted({grant["amount"]["monetary"]["currency"] for grant in grants})
    return {
        "object": "billing.credit_balance_summary",
        "balances": [_balance(grants, currency) for currency in currencies],
        "customer": customer["id"],
        "customer_account": None,
        "livemode": False,
    }


@register.get("/v1/billing/credit_balance_transactions/{id}")
def retrieve_transaction(form: Form, transaction_id: str) -> Json:
    """https://docs.stripe.com/api/billing/credit-balance-transaction/retrieve"""
    return store.get(TRANSACTION, transaction_id)


@register.get("/v1/billing/credit_balance_transactions")
def list_transactions(form: Form) -> Json:
    """https://docs.stripe.com/api/billing/credit-balance-transaction/list"""
    where: Json = {"_parent": form["customer"]} if "customer" in form else {}
    url = "/v1/billing/credit_balance_transactions"
    return lists.page(TRANSACTION, form, url=url, where=where, only=("credit_grant",))


def apply(invoice: Json) -> Json:
    """Take what an invoice's metered lines cost from the customer's grants.

    :return: By a line's id, what it takes, as ``pretax_credit_amounts`` shows it.
    """
    taken: dict[str, list[Json]] = {}
    metered = [line for line in invoice["lines"]["data"] if line["amount"] > 0 and _is_metered(line)]
    for grant in _in_order(invoice) if metered else []:
        for line in metered:
            rows = taken.setdefault(line["id"], [])
            off = sum(row["amount"] for row in (*line["discount_amounts"], *rows))
            part = min(grant["_left"], line["amount"] - off)
            if part <= 0 or not _covers(grant, line["pricing"]["price_details"]["price"]):
                continue
            objects.change(grant, _left=grant["_left"] - part)
            applied = {"invoice": invoice["id"], "invoice_line_item": line["id"]}
            moved = record(grant, "debit", "credits_applied", part, credits_applied=applied)
            rows.append(
                {
                    "amount": part,
                    "credit_balance_transaction": moved["id"],
                    "type": "credit_balance_transaction",
                }
            )
    return {line_id: rows for line_id, rows in taken.items() if rows}


def give_back(invoice: Json) -> None:
    """An invoice is void: its customer has again what it took."""
    for line_id, rows in (invoice.get("_credits") or {}).items():
        for row in rows:
            grant = store.get(KIND, store.get(TRANSACTION, row["credit_balance_transaction"])["credit_grant"])
            objects.change(grant, _left=grant["_left"] + row["amount"])
            voided = {"invoice": invoice["id"], "invoice_line_item": line_id}
            record(
                grant,
                "credit",
                "credits_application_invoice_voided",
                row["amount"],
                credits_application_invoice_voided=voided,
            )
            if grant["expires_at"] is not None and grant["expires_at"] <= clock.now():
                forfeit(grant, "credits_expired")


def customer_of(form: Form) -> Json:
    """The customer whose credits a request is about."""
    if form.get("customer_account"):
        raise NotEmulated("billing credits of a customer_account", param="customer_account")
    if "customer" not in form:
        raise InvalidRequest("Missing required param: customer.", code="parameter_missing", param="customer")
    return store.named("customer", form["customer"], "customer")


def scope_of(given: Json, param: str = "applicability_config[scope]") -> Json:
    """What a grant may pay for, as a form names it: some metered prices, or all."""
    prices = given.get("prices")
    if bool(prices) == bool(given.get("price_type")):
        raise InvalidRequest("Pass one of price_type and prices.", param=param)
    for number, price in enumerate(prices or []):
        known = store.named("price", price["id"], f"{param}[prices][{number}][id]")
        if not usage.is_metered(known):
            raise InvalidRequest(
                "Billing credits apply to metered prices only.", param=f"{param}[prices][{number}][id]"
            )
    if prices:
        return {"prices": sorted(({"id": price["id"]} for price in prices), key=lambda each: str(each["id"]))}
    return {"price_type": "metered"}


def forfeit(grant: Json, kind: str) -> None:
    """What is left of a grant is gone."""
    left = grant["_left"]
    if left:
        objects.change(grant, _left=0)
        record(grant, "debit", kind, left)


def record(
    grant: Json, side: str, kind: str, value: int, *, effective_at: int | None = None, **more: Any
) -> Json:
    """A movement of a customer's credits, with its event."""
    amount = {"monetary": {**grant["amount"]["monetary"], "value": value}, "type": "monetary"}
    blank = "credits_applied" if side == "debit" else "credits_application_invoice_voided"
    moved = objects.create(
        TRANSACTION,
        credit=None,
        credit_grant=grant["id"],
        debit=None,
        effective_at=clock.now() if effective_at is None else effective_at,
        test_clock=grant["test_clock"],
        type=side,
        _parent=grant["customer"],
    )
    objects.change(moved, **{side: {"amount": amount, "type": kind, blank: None, **more}})
    events.emit("billing.credit_balance_transaction.created", moved)
    return moved


def _balance(grants: list[Json], currency: str) -> Json:
    """What grants of a currency hold: in the books, and to be used now."""
    mine = [grant for grant in grants if grant["amount"]["monetary"]["currency"] == currency]
    available = sum(grant["_left"] for grant in mine if grant["effective_at"] <= clock.now())
    ledger = sum(grant["_left"] for grant in mine)
    return {
        f"{name}_balance": {"monetary": {"currency": currency, "value": value}, "type": "monetary"}
        for name, value in (("available", available), ("ledger", ledger))
    }


def _in_order(invoice: Json) -> list[Json]:
    """The grants that an invoice may take from, in the order that Stripe takes them."""
    usable = [
        grant
        for grant in store.select(KIND, {"customer": invoice["customer"]})
        if grant["_left"]
        and grant["amount"]["monetary"]["currency"] == invoice["currency"]
        and grant["effective_at"] <= clock.now()
    ]
    return sorted(
        usable,
        key=lambda grant: (
            grant["priority"],
            grant["expires_at"] or clock.LATEST,
            grant["category"] != "promotional",
            grant["effective_at"],
        ),
    )


def _covers(grant: Json, price_id: str) -> bool:
    named = grant["applicability_config"]["scope"].get("prices")
    return named is None or any(price["id"] == price_id for price in named)


def _is_metered(line: Json) -> bool:
    details = (line["pricing"] or {}).get("price_details")
    price = store.find("price", details["price"]) if details else None
    return price is not None and usage.is_metered(price)
