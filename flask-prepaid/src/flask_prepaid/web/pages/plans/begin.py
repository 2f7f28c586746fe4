"""Begin the plan that is chosen: on Stripe's page, on our own, or with a card on file."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from ....errors import PlanRefused, UnknownItem
from ....gateway.billing.subscription_values import Page
from ....gateway.checkout import WaysBack
from ....subscriptions import currencies, plan_rows
from ....subscriptions.beginning import beginnings, subscribing
from ....subscriptions.models import BEGINNING, Subscription
from ... import forms, page, sent_again
from . import overview
from .chosen import chosen_plan


def plan() -> ResponseReturnValue:
    """The customer's plan and its history, or the plans to choose from; a choice goes on to Stripe's page."""
    owner = page.customer()
    if request.method == "POST":
        return choose(owner)
    page.context().gateway.ask_limit.require(owner)
    session_id = request.args.get("session_id")
    if session_id is None:
        return overview.overview(owner)
    row = subscribing.come_back(page.context(), owner, session_id)
    html = overview.overview(owner)
    return page.refreshing(html) if row.state in BEGINNING else html


def choose(owner: str) -> ResponseReturnValue:
    try:
        card_id = request.form.get("saved_card")
        if card_id:
            row = subscribe(owner, card_id)
            return redirect(url_for("prepaid.plan", begun=row.id), 303)
        opened = open_page(owner, cancel_url=way_out(owner))
    except (UnknownItem, PlanRefused) as error:
        return overview.overview(owner, error), error.http_status
    return redirect(opened.url or url_for("prepaid.plan", session_id=opened.id), 303)


def way_out(owner: str) -> str:
    """Where Stripe's page leads who does not pay: to the plans, with the choice of the form as it was."""
    context = page.context()
    listed = context.catalog.plans.get(request.form.get("plan", ""))
    return url_for(
        "prepaid.plan",
        every=listed.interval if listed else None,
        currency=currencies.of(context, owner, request.form.get("currency")),
        saved_card="",
        _external=True,
    )


def subscribe(owner: str, card_id: str) -> Subscription:
    """Begin the plan that the form chooses with a card on file. Commits."""
    earlier = beginnings.begun_before(page.context(), owner, sent_again.wish())
    if earlier is not None:
        return earlier
    return subscribing.subscribe(page.context(), owner, chosen_plan(owner), card_id, wish=sent_again.wish())


def open_page(owner: str, *, cancel_url: str | None, success_url: str | None = None) -> Page:
    """Open Stripe's page for the plan that the form chooses, or find the one that it has opened before.

    The two ways to pay are two wishes: a form sent to both gets a page of each kind, the last one open. A key
    of a call names one.

    :param cancel_url: ``None`` is for a page of our own with Stripe's elements.
    """
    context, wish = page.context(), sent_again.wish()
    if wish.name and cancel_url is None and not sent_again.is_call():
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
