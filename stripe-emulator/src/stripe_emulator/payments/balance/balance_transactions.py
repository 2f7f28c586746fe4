"""Balance transactions: every movement of the account's money. https://docs.stripe.com/api/balance_transactions"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.core.database import store, transactions
from stripe_emulator.core.time import clock, due_work
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import events, objects
from stripe_emulator.payments.account import settlement

register = Register()

#: Days until a card payment can be paid out.
AVAILABLE_AFTER = 2


@register.get("/v1/balance_transactions/{id}")
def retrieve(form: Form, transaction_id: str) -> Json:
    """https://docs.stripe.com/api/balance_transactions/retrieve"""
    return store.get("balance_transaction", transaction_id)


@register.get("/v1/balance_transactions")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/balance_transactions/list"""
    only = ("currency", "source", "type", "payout")
    where: Json = {}
    if "payout" in form:
        where["_payout"] = form.pop("payout")
    return lists.page("balance_transaction", form, url="/v1/balance_transactions", where=where, only=only)


def record(
    kind: str,
    source: Json,
    amount: int,
    *,
    fee: Callable[[int, str], int] = lambda amount, currency: 0,
    at_once: bool = False,
    **fields: Any,
) -> Json:
    """Move money: ``amount`` into the account (out of it, if negative), less a fee.

    :param kind: Stripe's type, such as ``charge`` or ``refund``.
    :param source: What moved it, in its own currency; the account's may be another.
    :param fee: What it costs, from the amount and the currency that come to the account.
    :param at_once: It is available already, not in two days.
    """
    now = clock.now()
    available_on = now if at_once else (now // clock.DAY + AVAILABLE_AFTER) * clock.DAY
    return _record(kind, source, settlement.settled(amount, source["currency"]), fee, available_on, fields)


def _record(
    kind: str,
    source: Json,
    settled: tuple[int, str, float | None],
    fee_of: Callable[[int, str], int],
    available_on: int,
    fields: Json,
) -> Json:
    amount, currency, rate = settled
    fee = fee_of(amount, currency)
    at_once = available_on <= clock.now()
    details = [
        {
            "amount": fee,
            "application": None,
            "currency": currency,
            "description": "Stripe processing fees",
            "type": "stripe_fee",
        }
    ]
    if kind == "adjustment" and fee:
        details[0]["description"] = "Dispute fee"
    moved = objects.create(
        "balance_transaction",
        amount=amount,
        available_on=available_on,
        balance_type="payments",
        currency=currency,
        description=fields.pop("description", source.get("description")),
        exchange_rate=rate,
        fee=fee,
        fee_details=details if fee else [],
        net=amount - fee,
        reporting_category=fields.pop("reporting_category", kind),
        source=source["id"],
        status="available" if at_once else "pending",
        type=kind,
        **fields,
    )
    if (kind == "charge" or not at_once) and not _is_scheduled(available_on):
        due_work.schedule(available_on, "balance.available", str(available_on))
    return moved


@register.due("balance.available")
def become_available(moment: str) -> None:
    """What was taken two days ago can be paid out now."""
    for moved in store.select("balance_transaction", {"status": "pending"}):
        if moved["available_on"] <= clock.now():
            objects.change(moved, status="available")
    transactions.current().store.remembered.pop(_mark(moment), None)
    events.emit("balance.available", balance())


def balance() -> Json:
    """What the account holds, by currency. https://docs.stripe.com/api/balance/balance_object"""
    transactions.current().flush()
    rows = (
        transactions.current()
        .execute(
            "SELECT json_extract(body, '$.status'), json_extract(body, '$.currency'),"
            " sum(json_extract(body, '$.net')) FROM object WHERE kind = 'balance_transaction' GROUP BY 1, 2"
        )
        .fetchall()
    )
    sums = {(status, currency): net for status, currency, net in rows}
    currencies = sorted({currency for _, currency in sums} | set(settlement.known()["currencies"]))
    return {
        "object": "balance",
        "available": [_money(sums.get(("available", code), 0), code) for code in currencies],
        "connect_reserved": [{"amount": 0, "currency": code} for code in currencies],
        "livemode": False,
        "pending": [_money(sums.get(("pending", code), 0), code) for code in currencies],
        "refund_and_dispute_prefunding": {
            "available": [{"amount": 0, "currency": code} for code in currencies],
            "pending": [{"amount": 0, "currency": code} for code in currencies],
        },
    }


def _money(amount: int, currency: str) -> Json:
    return {"amount": amount, "currency": currency, "source_types": {"card": amount}}


def _is_scheduled(moment: int) -> bool:
    """Whether somebody looks at this moment at what became available; True is remembered until then."""
    sql = "SELECT 1 FROM due WHERE object = ? AND what = 'balance.available'"
    transaction = transactions.current()
    known = transaction.store.remembered
    if _mark(moment) not in known and transaction.execute(sql, (str(moment),)).fetchone() is not None:
        known[_mark(moment)] = True
    return _mark(moment) in known


def _mark(moment: int | str) -> str:
    return f"balance.available at {moment}"
