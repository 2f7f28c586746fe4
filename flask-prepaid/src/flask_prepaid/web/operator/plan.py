"""A customer's plan in an operator's hands: seen, changed, ended or kept; each with a reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from prepaid_ledger.errors import PrepaidError
from prepaid_ledger.tables import Wallet

from ...catalog import whole
from ...errors import GatewayUnavailable, UnknownItem
from ...subscriptions import changing, subscribing, sync
from ...subscriptions.changing import Preview
from ...subscriptions.models import PlanPrice, Subscription
from .. import page
from . import page as desk
from .roles import Right


@dataclass(frozen=True)
class Deed:
    """What can be done: by which verb ``changing.MOVES`` knows it, words for the form, and the function."""

    verb: str
    words: str
    do: Callable[[str], object]


def change(owner: str) -> object:
    """As it was previewed in the form."""
    prepaid = page.extension()
    return changing.change(
        prepaid,
        owner,
        prepaid.catalog.plan(request.form.get("plan", "")),
        whole(request.form.get("quantity")),
        proration_date=whole(request.form.get("proration_date")),
        due_minor=whole(request.form.get("due_minor")),
    )


#: By what the form's button says.
DEEDS = {
    "change": Deed("change", "Change the plan", change),
    "cancel": Deed(
        "cancel at the period's end",
        "End it when the paid period ends",
        lambda owner: changing.cancel_at_end(page.extension(), owner),
    ),
    "cancel-now": Deed(
        "cancel now", "End it at once", lambda owner: changing.cancel_now(page.extension(), owner)
    ),
    "keep": Deed(
        "keep", "Keep it: undo what is to come", lambda owner: changing.keep(page.extension(), owner)
    ),
}


def plan() -> ResponseReturnValue:
    """The plan of the customer that ``owner`` names, a preview of another one, and what is done about it."""
    desk.operator(Right.PLAN)
    if request.method == "POST":
        return do()
    owner = known_owner(request.args.get("owner", ""))
    try:
        return show(owner, previewed(owner))
    except GatewayUnavailable:
        raise
    except PrepaidError as error:
        return show(owner, error=error), error.http_status


def known_owner(owner: str) -> str:
    """
    :raises UnknownItem: Nobody has ever heard of one.
    """
    wallet = select(Wallet.owner).where(Wallet.owner == owner)
    if not owner.isprintable() or page.extension().session.scalar(wallet) is None:
        raise UnknownItem("There is no such customer.", field="owner")
    return owner


def previewed(owner: str) -> Preview | None:
    """What the plan that was chosen would cost and give; ``None`` where none was."""
    slug = request.args.get("plan")
    if not slug:
        return None
    prepaid = page.extension()
    quantity = whole(request.args.get("quantity") or "1")
    return changing.preview(prepaid, owner, prepaid.catalog.plan(slug), quantity)


def show(owner: str, preview: Preview | None = None, error: PrepaidError | None = None) -> str:
    prepaid = page.extension()
    row = sync.running(prepaid.session, owner)
    begun = row is not None and row.stripe_id is not None
    return desk.render(
        "plan.html",
        owner=owner,
        name=desk.names([owner])[owner],
        row=row if begun else None,
        terms=subscribing.terms(prepaid, row) if row is not None and begun else None,
        planned=planned(row),
        owed=changing.owed(prepaid, row) if row is not None else None,
        deeds={word: deed for word, deed in DEEDS.items() if word != "change" and can(row, word)},
        can_change=can(row, "change"),
        plans=prepaid.catalog.plans.values(),
        preview=preview,
        error=error,
    )


def planned(row: Subscription | None) -> PlanPrice | None:
    """What it becomes at the period's end."""
    next_id = row.next_price_id if row is not None else None
    return page.extension().session.get(PlanPrice, next_id) if next_id else None


def can(row: Subscription | None, word: str) -> bool:
    """Whether it makes sense as the plan stands."""
    if row is None or row.stripe_id is None or not changing.may(row, DEEDS[word].verb):
        return False
    ends = row.cancel_at is not None
    return {"keep": ends or row.next_price_id is not None, "cancel": not ends}.get(word, True)


def do() -> ResponseReturnValue:
    """What the button says; on the record before Stripe is asked."""
    who = desk.operator(Right.PLAN)
    owner = known_owner(request.form.get("owner", ""))
    prepaid = page.extension()
    try:
        deed = DEEDS.get(request.form.get("do", ""))
        if deed is None:
            raise UnknownItem("Say what to do with the plan.", field="do")
        changing.own(prepaid, owner, deed.verb)
        why = desk.reason()
        wanted = request.form.get("plan") if deed.verb == "change" else None
        desk.record(who, Right.PLAN, owner=owner, reason=why, done=deed.verb, plan=wanted)
        prepaid.session.commit()
        deed.do(owner)
    except GatewayUnavailable:
        prepaid.session.rollback()
        flash("Stripe does not answer. Look at the plan again in a minute before you repeat it.", "warning")
    except PrepaidError as error:
        prepaid.session.rollback()
        return show(owner, error=error), error.http_status
    else:
        flash(f"{deed.words}: done.", "success")
    return redirect(url_for("prepaid.operator_plan", owner=owner), 303)
