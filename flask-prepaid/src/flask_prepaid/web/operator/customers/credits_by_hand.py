"""An operator gives a customer credits, or corrects them: each once, with a reason."""

from __future__ import annotations

from flask import flash, redirect, request
from flask.typing import ResponseReturnValue

from prepaid_ledger.errors import PrepaidError

from ....context import transaction
from ....languages import units
from ... import forms
from .. import daily_limit, once, page
from ..roles import Right


def grant() -> ResponseReturnValue:
    """Give credits. Support gives a few; finance any number."""
    return move_credits(Right.GRANT)


def adjust() -> ResponseReturnValue:
    """Correct a wallet, up or down. The ledger gets one more entry; none of its lines is edited."""
    return move_credits(Right.ADJUST)


def sign() -> int:
    """1 where the form adds credits, -1 where it takes them.

    :raises UnknownItem: It says neither.
    """
    words = "Choose whether to add credits or to take them."
    return -1 if forms.one_of("direction", ("add", "take"), words) == "take" else 1


def move_credits(right: Right) -> ResponseReturnValue:
    """Post what the form says, with the record of it, and return to the customer with what came of it."""
    operator = page.operator(right)
    context = page.context()
    owner = page.known_owner(request.form.get("owner", ""))
    try:
        credits, reason = forms.credits_to_move(), forms.reason()
        moved = credits if right is Right.GRANT else sign() * credits
        key = f"operator:{forms.required_attempt()}"
        if right is Right.GRANT and credits > context.config.small_grant:
            page.operator(Right.GRANT_MANY)
        with transaction(context) as session:
            once.take_turn(session, key)
            is_new = not context.ledger.entries(owner, 1, keys={key})
            if is_new and right is Right.GRANT and not operator.may(Right.GRANT_MANY):
                daily_limit.count(context, operator, owner, credits)
            move = context.ledger.grant if right is Right.GRANT else context.ledger.adjust
            move(owner, moved, key=key, reason=f"{reason} (by {operator.name})")
            if is_new:
                page.record(operator, right, owner=owner, reason=reason, credits=moved)
    except PrepaidError as error:
        flash(str(error), "warning")
    else:
        change, balance = units.number(moved, signed=True), context.ledger.balance(owner)
        flash(f"{change} {units.current().plural}. The balance is {units.number(balance)} now.", "success")
    return redirect(page.customer_url(owner), 303)
