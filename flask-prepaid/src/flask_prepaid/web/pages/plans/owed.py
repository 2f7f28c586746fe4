"""What a plan owes: the card that did not pay it, the one that is being tried, and what came of that."""

from __future__ import annotations

from typing import Any

from flask import request, url_for

from ....errors import GatewayRefused, GatewayUnavailable
from ....gateway.billing.invoice_values import LastTry
from ....purchases.saved_cards import cards_on_file
from ....subscriptions import plan_rows, plan_state, retries
from ....subscriptions.models import Invoice, InvoiceState, Subscription
from ... import forms, page


def of_owed(row: Subscription, *, may_ask: bool = True) -> dict[str, Any]:
    """What waits to be paid, the card that did not pay it, and those that could. Commits.

    :param may_ask: Whether Stripe may be asked for the card that did not pay.
    """
    last = last_try(row) if may_ask else None
    refused_id = last.card_id if last is not None else None
    bill = plan_state.owed(page.context(), row)
    trying = retries.trying(page.context().session, row.owner)
    saved = cards_on_file.saved(page.context().session, row.owner)
    return {
        "owed": bill,
        "under_way": plan_state.under_way(page.context(), row),
        "asks_bank": last is not None
        and last.asks_customer
        and bill is not None
        and bool(bill.oldest.page_url),
        "refused": next((card for card in saved if card.id == refused_id), None),
        "trying": trying if bill is not None else None,
        "could_pay": [card for card in saved if card.id != refused_id],
    }


def last_try(row: Subscription) -> LastTry | None:
    """With what the plan was last tried to be paid; ``None`` also while Stripe does not answer."""
    try:
        return retries.last_try(page.context(), row)
    except (GatewayUnavailable, GatewayRefused):
        return None


def address_after_try(owner: str, endpoint: str) -> str | None:
    """Where a page loads itself again while a card is being tried: there it says what came of it."""
    context = page.context()
    row = plan_rows.running(context.session, owner)
    if row is None or retries.trying(context.session, owner) is None:
        return None
    bill = plan_state.owed(context, row)
    return (
        url_for(endpoint, added=request.args.get("added"), tried=bill.oldest.id) if bill is not None else None
    )


def paid_by_try(owner: str) -> Invoice | None:
    """The owner's invoice for which a card was tried, as the address names it, if that has paid it."""
    context = page.context()
    tried = forms.row_id(request.args.get("tried", ""))
    row = plan_rows.running(context.session, owner)
    bill = context.session.get(Invoice, tried) if tried is not None and row is not None else None
    if bill is None or row is None or bill.subscription_id != row.id or bill.state != InvoiceState.PAID:
        return None
    return bill
