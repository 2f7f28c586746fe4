"""Begin the plan that is chosen: on Stripe's page, on our own, or with a card on file."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

from flask import Response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from ....errors import AboveShown, GatewayUnavailable, PlanRefused, UnknownItem
from ....gateway.billing.subscription_values import Page
from ....gateway.payments.checkout import WaysBack
from ....languages import formats
from ....languages.words import gettext as _
from ....languages.words import marked
from ....subscriptions import currencies, plan_rows, plan_state
from ....subscriptions.beginning import beginnings, subscribing, unanswered
from ....subscriptions.beginning.beginnings import PlanChoice
from ....subscriptions.models import BEGINNING, Subscription
from ... import as_shown, errors, forms, page, sent_again
from ..buying import paying, results
from . import overview, owed
from .chosen_plan import chosen_plan


def plan() -> ResponseReturnValue:
    """The customer's plan and its history, or the plans to choose from; a choice goes on to Stripe's page."""
    owner = page.customer()
    if request.method == "POST":
        return choose(owner)
    limit = page.context().gateway.ask_limit
    if "tried" not in request.args:
        limit.require(owner)
    elif not limit.may(owner):  # it loads itself again, and says by our own rows what came of it
        return shown(owner, may_ask=False)
    session_id = request.args.get("session_id")
    if session_id is None:
        return not_known_yet(owner) or shown(owner)
    row = subscribing.come_back(page.context(), owner, session_id)
    html = overview.overview(owner)
    return page.refreshing(html) if row.state in BEGINNING else html


def shown(owner: str, *, may_ask: bool = True) -> ResponseReturnValue:
    """The plan as it is known; while a card is tried for it, the page asks again by itself."""
    again = owed.address_after_try(owner, "prepaid.plan")
    html = overview.overview(owner, may_ask=may_ask)
    return page.refreshing(html, again) if again else html


def choose(owner: str) -> ResponseReturnValue:
    try:
        card_id = request.form.get("saved_card")
        if card_id:
            row = subscribe(owner, card_id)
            return redirect(url_for("prepaid.plan", begun=row.id), 303)
        opened = open_page(owner, cancel_url=as_chosen(owner, _external=True))
    except AboveShown as above:
        html = overview.overview(owner, UnknownItem(in_words(above), field="plan"), above=above)
        return html, above.http_status
    except (UnknownItem, PlanRefused) as error:
        return overview.overview(owner, error), error.http_status
    except GatewayUnavailable as error:
        return not_answered(owner, error)
    return redirect(opened.url or url_for("prepaid.plan", session_id=opened.id), 303)


def in_words(above: AboveShown) -> str:
    """Why a card was not charged: the first payment is of more than its page showed."""
    total = formats.amount(above.total_minor, above.currency)
    if above.quantity > 1:
        words = marked("%(times)s times it is %(total)s. Nothing is charged yet: press again to pay.")
        return _(words, times=formats.number(above.quantity), total=total)
    if above.owed_minor or not above.tax_minor:
        words = marked(
            "With what you owe from before it is %(total)s today. Nothing is charged yet: press again to pay."
        )
        return _(words, total=total)
    tax = formats.amount(above.tax_minor, above.currency)
    return _(paying.WITH_TAX, total=total, tax=tax)


def as_chosen(owner: str, **more: Any) -> str:
    """The plans, with the choice of the form as it was: there Stripe's page leads who does not pay."""
    context = page.context()
    listed = context.catalog.plans.get(request.form.get("plan", ""))
    return url_for(
        "prepaid.plan",
        every=listed.interval if listed else None,
        currency=currencies.of(context, owner, request.form.get("currency")),
        saved_card=request.form.get("saved_card", ""),
        **more,
    )


def not_answered(owner: str, error: GatewayUnavailable) -> ResponseReturnValue:
    """What is known where Stripe did not answer, by the row that is written before it is asked.

    :raises GatewayUnavailable: A page was opened before, and may be paid by now.
    """
    row = plan_rows.running(page.context().session, owner)
    if row is not None and plan_state.is_charging(row):
        return redirect(url_for("prepaid.plan", begun=row.id), 303)
    if row is not None and (row.session_id or row.stripe_id):
        raise error
    return errors.not_charged(error, again=as_chosen(owner))


def not_known_yet(owner: str) -> Response | None:
    """The page of a plan whose card may be charged or not; it asks again by itself until that is known."""
    context = page.context()
    row = plan_rows.running(context.session, owner)
    if row is None or not plan_state.is_charging(row):
        return None
    with suppress(GatewayUnavailable):
        unanswered.find_out(context, row.id)
    row = plan_rows.running(context.session, owner)
    return results.result(owner, None) if row is not None and plan_state.is_charging(row) else None


def subscribe(owner: str, card_id: str) -> Subscription:
    """Begin the plan that the form chooses with a card on file. Commits."""
    earlier = beginnings.begun_before(page.context(), owner, sent_again.wish())
    if earlier is not None:
        return earlier
    choice = chosen_plan(owner)
    require_total_shown(choice)
    return subscribing.subscribe(page.context(), owner, choice, card_id, wish=sent_again.wish())


def require_total_shown(choice: PlanChoice) -> None:
    """A card pays for several times a plan once their price was shown, not that of each.

    :raises AboveShown: The form's page showed the price of fewer.
    """
    plan, quantity = choice.plan, choice.quantity
    sent = forms.sent()
    if choice.trial_promised or not sent.get("shown_quantity"):
        return
    if quantity > forms.whole_number(sent, "shown_quantity"):
        total_minor = as_shown.max_minor_of(plan.amount_minor * quantity, plan.currency)
        raise AboveShown(
            plan.amount_minor * quantity if total_minor is None else total_minor,
            tax_minor=0,
            owed_minor=0,
            currency=plan.currency,
            quantity=quantity,
        )


def open_page(owner: str, *, cancel_url: str | None, success_url: str | None = None) -> Page:
    """Open Stripe's page for the plan that the form chooses, or find the one that it has opened before.

    The two ways to pay are two wishes: a form sent to both gets a page of each kind, the last one open. A key
    of a call names one.

    :param cancel_url: ``None`` is for a page of our own with Stripe's elements.
    """
    context, wish = page.context(), sent_again.wish()
    if wish.name and cancel_url is None and not sent_again.is_call_with_key():
        wish = replace(wish, name=f"own-{wish.name}")
    earlier = beginnings.page_before(context, owner, wish)
    if earlier is not None:
        return earlier
    return subscribing.open_page(
        context,
        owner,
        chosen_plan(owner),
        ways_back=WaysBack(success_url or page.way_back("prepaid.plan"), cancel_url),
        wish=wish,
    )


def custom() -> ResponseReturnValue:
    """Subscribe on our own page. The card goes from Stripe's frame to Stripe, never through us."""
    owner, context = page.customer(), page.context()
    if request.method == "GET":  # the way back to it, after a sign-in or by a bookmark
        return redirect(url_for("prepaid.plan"))
    # Tax asks for an address, and so for Stripe's page.
    if context.config.automatic_tax or request.form.get("saved_card"):
        return choose(owner)
    try:
        opened = open_page(owner, cancel_url=None)
        if opened.status == "complete":  # paid already: the same form once more
            return redirect(url_for("prepaid.plan", session_id=opened.id), 303)
    except (UnknownItem, PlanRefused) as error:
        return overview.overview(owner, error), error.http_status
    except GatewayUnavailable as error:
        return not_answered(owner, error)
    row = plan_rows.find(context.session, session_id=opened.id)
    assert row is not None, "its page has just been opened"
    terms = subscribing.terms(context, row)  # a page that was opened before is of its own day
    return page.render(
        "plan_custom.html",
        plan=terms,
        row=row,
        amount_minor=terms.amount_minor * row.quantity,
        starts=context.clock() + timedelta(days=row.trial_days),
        needs_card=opened.needs_card,
        client_secret=opened.client_secret,
        attempt=forms.new_attempt(),
    )
