"""``flask prepaid show OWNER``: all that support needs to know of one customer, on one screen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Any

import click
from flask.cli import with_appcontext
from sqlalchemy import select
from sqlalchemy.orm import Session

from prepaid_ledger import BudgetSummary, Entry, HoldState
from prepaid_ledger.tables import Hold, Wallet

from .. import money
from ..keys import keys
from ..languages import units
from ..payments import shown_states
from ..payments.customers import owned, rows
from ..payments.models import Payment
from ..purchases.auto_topup import topups
from ..purchases.money_back.disputes import disputes
from ..purchases.saved_cards import cards_on_file
from ..subscriptions import plan_state
from . import typed
from .app import CommandContext, context

#: So many payments and entries are shown, the newest first.
SHOWN = 10


@click.command()
@with_appcontext
@click.argument("owner", type=typed.owner)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on one line.")
def show(owner: str, as_json: bool) -> None:
    """Show what OWNER has: wallet, lots, holds, budgets, entries, payments, cards, auto top-up and plan."""
    app = context()
    known = _known(app.session, owner)
    if not known:
        raise click.ClickException(
            f"Nobody here is called {owner!r}. An owner is what Prepaid(owner=...) gives, such as user:42."
        )
    if as_json:
        click.echo(json.dumps(_in_unit(_values(app, owner)), default=_plain))
        return
    for line in _lines(_values(app, owner), app.clock()):
        click.echo(line)


def _known(session: Session, owner: str) -> bool:
    has_paid = session.scalar(select(Payment.id).where(Payment.owner == owner).limit(1)) is not None
    is_known = has_paid or rows.known_customer(session, owner) is not None
    return is_known or owned.has_wallet(session, owner)


def _values(app: CommandContext, owner: str) -> dict[str, Any]:
    """What there is, by its name."""
    session = app.session
    wallet, default = app.ledger.wallet(owner), cards_on_file.default_card(session, owner)
    plan, topup = plan_state.summary(app, owner), topups.setting(session, owner)
    paid = _payments(session, owner)
    states = shown_states.of_each(session, paid)
    disputed = disputes.to_answer(session, app.clock(), owner=owner)
    entries, budgets = app.ledger.entries(owner, SHOWN), app.ledger.budgets(owner)
    names = _names(app, owner, {row.spender for row in (*entries, *budgets) if row.spender})
    return {
        "owner": owner,
        "customer": rows.known_customer(session, owner),
        "wallet": _fields(wallet, "balance", "held", "available", "debt"),
        "lots": [_fields(lot, "key", "left", "expires_at") for lot in app.ledger.lots(owner)],
        "holds": [_fields(hold, "key", "credits", "expires_at") for hold in _holds(session, owner)],
        "budgets": [
            _named(budget, names, "every", "zone", "credits", "spent", "left", "resets_at")
            for budget in budgets
        ],
        "entries": [
            _named(entry, names, "at", "kind", "credits", "balance_after", "key", "item") for entry in entries
        ],
        "archived_until": entries.archived_until,
        "payments": [
            {
                **_fields(
                    payment,
                    *("id", "created_at", "title", "failure", "amount_minor"),
                    *("paid_minor", "refunded_minor", "currency"),
                ),
                "state": states[payment.id].value,
                "payment_intent_id": payment.payment_intent_id,
                "to_answer": [
                    _fields(dispute, "id", "evidence_due_at")
                    for dispute, its in disputed
                    if its.id == payment.id
                ],
            }
            for payment in paid
        ],
        "cards": [
            {**_fields(card, "id", "brand", "last4", "exp_month", "exp_year"), "default": card.id == default}
            for card in cards_on_file.saved(session, owner)
        ],
        "topup": _fields(topup, "on", "pack", "threshold", "stopped") if topup else None,
        "plan": _fields(plan, "slug", "title", "quantity", "state", "paid_until", "is_paid", "ends_at")
        if plan
        else None,
    }


def _names(app: CommandContext, owner: str, spenders: set[str]) -> dict[str, str]:
    """What to call those who spend: API keys as their owner does, members of a team as the host does."""
    of_keys = {key.spender: key.name for key in keys.live(app.session, owner) if key.spender in spenders}
    return {**of_keys, **app.team.names(sorted(spenders - of_keys.keys()))}


def _named(thing: BudgetSummary | Entry, names: dict[str, str], *fields: str) -> dict[str, Any]:
    """The fields of what belongs to a spender, with whose it is and what to call them."""
    spender = thing.spender
    return {**_fields(thing, *fields), "spender": spender, "name": names[spender] if spender else None}


def _fields(thing: object, *names: str) -> dict[str, Any]:
    return {name: getattr(thing, name) for name in names}


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


#: What counts credits, wherever it stands.
CREDITS = {"balance", "held", "available", "debt", "left", "spent", "credits", "balance_after", "threshold"}


def _in_unit(values: Any) -> Any:
    """Values for programs: credits are written as the app's unit has them."""
    if isinstance(values, list):
        return [_in_unit(value) for value in values]
    if not isinstance(values, dict):
        return values
    return {
        name: units.plain(value) if name in CREDITS else _in_unit(value) for name, value in values.items()
    }


def _holds(session: Session, owner: str) -> list[Hold]:
    opened = select(Hold).join(Wallet, Hold.of(Wallet))
    opened = opened.where(Wallet.owned_by(owner), Hold.state == HoldState.OPEN)
    return list(session.scalars(opened.order_by(Hold.seq)))


def _payments(session: Session, owner: str) -> list[Payment]:
    mine = select(Payment).where(Payment.owner == owner).order_by(Payment.id.desc())
    return list(session.scalars(mine.limit(SHOWN)))


def _lines(values: dict[str, Any], now: datetime) -> Iterator[str]:
    """The values for people: a heading, then a line for each thing."""
    wallet = values["wallet"]
    owes = f", owes {units.credits(wallet['debt'])}" if wallet["debt"] else ""
    held = f", of which {units.number(wallet['held'])} held" if wallet["held"] else ""
    yield f"{values['owner']} has {units.credits(wallet['balance'])}{held}{owes}."
    yield f"Stripe's customer: {values['customer'] or 'none yet'}"
    plan, topup = values["plan"], values["topup"]
    yield f"Plan: {_plan(plan, now) if plan else 'none'}"
    yield f"Auto top-up: {_topup(topup) if topup else 'never set'}"
    signed = partial(units.number, signed=True)
    parts = {
        "Lots, the first to be drawn first": [
            f"{units.number(lot['left'])} of {lot['key']}{_until(lot['expires_at'], now)}"
            for lot in values["lots"]
        ],
        "Open holds": [
            f"{units.number(hold['credits'])} for {hold['key']}{_until(hold['expires_at'], now)}"
            for hold in values["holds"]
        ],
        "Budgets": [_budget(budget) for budget in values["budgets"]],
        "Last entries": [
            f"{_time(entry['at'])}  {entry['kind']:<10} {signed(entry['credits'])}  {entry['key']}"
            + _by(entry)
            for entry in values["entries"]
        ],
        "Last payments": [_payment(payment) for payment in values["payments"]],
        "Saved cards": [_card(card, now) for card in values["cards"]],
    }
    if values["archived_until"]:
        parts["Last entries"].append(f"older spends, up to {_time(values['archived_until'])}, are archived")
    for heading, lines in parts.items():
        yield f"{heading}:{'' if lines else ' none'}"
        yield from (f"  {line}" for line in lines)


def _budget(budget: dict[str, Any]) -> str:
    left, credits = units.number(budget["left"]), units.number(budget["credits"])
    anew = f", begins anew {_time(budget['resets_at'])}" if budget["resets_at"] else ""
    return f"{_who(budget) or 'the whole wallet'}: {left} of {credits} left{anew}"


def _by(entry: dict[str, Any]) -> str:
    """Who has spent, and on what, where the books know it."""
    parts = [f"by {_who(entry)}" if entry["spender"] else "", f"for {entry['item']}" if entry["item"] else ""]
    return "".join(f"  {part}" for part in parts if part)


def _who(row: dict[str, Any]) -> str:
    """The name, and what the books have, where that is another."""
    spender, name = row["spender"], row["name"]
    return f"{name} ({spender})" if name != spender else spender or ""


def _plan(plan: dict[str, Any], now: datetime) -> str:
    times = f", {plan['quantity']} times over" if plan["quantity"] != 1 else ""
    ends = f", {'was to end' if _is_past(plan['ends_at'], now) else 'ends'} {_time(plan['ends_at'])}"
    runs = "free" if plan["state"] == "trialing" else "paid" if plan["is_paid"] else "to run"
    was = "was " if _is_past(plan["paid_until"], now) else ""
    runs = f"{was}{runs} until {_time(plan['paid_until'])}"
    return f"{plan['title']}{times}, {plan['state']}, {runs}{ends if plan['ends_at'] else ''}"


def _topup(topup: dict[str, Any]) -> str:
    if topup["on"]:
        return f"buys {topup['pack']} below {units.credits(topup['threshold'])}"
    return f"off: {topup['stopped']}" if topup["stopped"] else "off"


def _payment(payment: dict[str, Any]) -> str:
    paid = payment["amount_minor"] if payment["paid_minor"] is None else payment["paid_minor"]
    shown = money.show(paid, payment["currency"])
    refunded = payment["refunded_minor"]
    back = f", {money.show(refunded, payment['currency'])} refunded" if refunded else ""
    why = f" ({payment['failure']})" if payment["failure"] else ""
    at, title = _time(payment["created_at"]), payment["title"]
    state = payment["state"].replace("_", " ")
    stripes = f"  {payment['payment_intent_id']}" if payment["payment_intent_id"] else ""
    to_answer = "".join(f", evidence for {_dispute(dispute)}" for dispute in payment["to_answer"])
    return f"{payment['id']}  {at}  {shown}{back}  {title}  {state}{why}{to_answer}{stripes}"


def _dispute(dispute: dict[str, Any]) -> str:
    due_at = dispute["evidence_due_at"]
    return f"{dispute['id']} due {_time(due_at)}" if due_at else f"{dispute['id']} wanted"


def _card(card: dict[str, Any], now: datetime) -> str:
    pays = ", pays by default" if card["default"] else ""
    is_over = cards_on_file.months_left(card["exp_month"], card["exp_year"], now) < 0
    date = f"{'expired ' if is_over else ''}{card['exp_month']:02}/{card['exp_year']}"
    return f"{card['brand']} {card['last4']}, {date}{pays}"


def _until(at: datetime | None, now: datetime) -> str:
    if at is None:
        return ""
    return f", ended {_time(at)}" if _is_past(at, now) else f", until {_time(at)}"


def _is_past(at: datetime | None, now: datetime) -> bool:
    return at is not None and at <= now


def _time(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else "nothing yet"
