"""Change a plan that runs: preview and change it, cancel, keep, pause, resume, and pay with another card."""

from __future__ import annotations

from collections.abc import Callable

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from ....catalog import Plan
from ....context import Context
from ....errors import CardDeclined, CardNeedsOwner, NotYours, PlanRefused, UnknownItem
from ....languages import formats
from ....languages.words import gettext as _
from ....languages.words import marked
from ....payments.customers.models import SavedCard
from ....subscriptions import changing, plan_rows, plan_state, previews
from ....subscriptions.beginning import subscribing
from ....subscriptions.models import ENDED, Subscription
from ... import as_shown, forms, page
from .. import declines
from . import overview
from .chosen_plan import plan_as_shown, plan_named

#: What is said after a pause has ended; a payment that is not through yet stands on the page itself.
RESUMED = marked("Your plan is resumed.")

#: What ending a plan does not stop.
ASKED_ALREADY = marked("Your bank was asked for %(amount)s before: that can't be stopped any more.")


def change() -> ResponseReturnValue:
    """What a change costs and gives, now and next; sent, it happens just so."""
    owner, context = page.customer(), page.context()
    context.gateway.ask_limit.require(owner)
    try:
        if request.method == "GET":
            return previewed(owner)
        wanted = change_plan(owner)
    except (UnknownItem, PlanRefused, NotYours) as error:
        return overview.overview(owner, error), error.http_status
    row = plan_rows.running(context.session, owner)
    if row is not None and row.next_price_id:  # the page itself says to what it changes, and when
        return redirect(url_for("prepaid.plan"), 303)
    return page.done("prepaid.plan", changed_in_words(row, formats.title(wanted.title)))


def changed_in_words(row: Subscription | None, title: str) -> str:
    """Whether the new plan is there now, or once it is paid."""
    if row is not None and row.pending_until:
        return _("Your plan changes to %(plan)s when it is paid.", plan=title)
    return _("Your plan is %(plan)s now.", plan=title)


def change_plan(owner: str) -> Plan:
    """Change the plan as it was previewed; the new one. Commits."""
    sent = forms.sent()
    wanted, quantity = plan_as_shown(owner)
    changing.change(
        page.context(),
        owner,
        wanted,
        quantity,
        proration_date=forms.whole_number(sent, "proration_date"),
        due_minor=forms.whole_number(sent, "due_minor"),
        next_minor=forms.whole_number(sent, "next_minor") if "next_minor" in sent else None,
    )
    return wanted


def preview(owner: str) -> previews.Preview:
    """What the change costs and gives that the address names."""
    wanted = plan_named(owner, request.args.get("plan", ""))
    return previews.preview(page.context(), owner, wanted, forms.quantity(request.args))


def previewed(owner: str) -> str:
    context = page.context()
    shown = preview(owner)
    row = plan_state.own(context, owner, "change")
    terms = subscribing.terms(context, row)
    return page.render(
        "plan_change.html",
        preview=shown,
        shown=as_shown.listed([shown.plan]),
        row=row,
        terms=terms,
        payer=overview.payer(row),
    )


def cancel() -> ResponseReturnValue:
    """Say what ends and what stays; sent, it ends at the period's end or now."""
    owner, context = page.customer(), page.context()
    context.gateway.ask_limit.require(owner)
    try:
        if request.method == "GET":
            return asked_to_cancel(plan_state.own(context, owner, "cancel now"))
        words = ended_in_words(end_plan(owner))
    except (PlanRefused, NotYours) as error:
        return overview.overview(owner, error), error.http_status
    return page.done("prepaid.plan", words)


def ended_in_words(row: Subscription) -> str:
    """When a plan ends that was just cancelled, and what is charged until then."""
    context = page.context()
    bill = plan_state.charged_soon(context, row)
    if bill is not None:
        return _(
            "Your plan ends with the period that has begun. %(amount)s is charged for it, and nothing more.",
            amount=formats.amount(bill.due_minor, bill.currency),
        )
    being_paid = plan_state.under_way(context, row)
    if being_paid is not None:
        words = _("Your plan has ended.") if row.state in ENDED else _("Your plan ends with this period.")
        return f"{words} {_(ASKED_ALREADY, amount=formats.amount(being_paid.due_minor, being_paid.currency))}"
    if row.state in ENDED:
        return _("Your plan has ended. Nothing more is charged.")
    return _("Your plan ends with the period that is paid. Nothing more is charged.")


def asked_to_cancel(row: Subscription) -> str:
    context = page.context()
    return page.render(
        "plan_cancel.html",
        row=row,
        terms=subscribing.terms(context, row),
        at_end=plan_state.may(row, "cancel at the period's end")
        and row.cancel_at is None
        and not plan_state.is_over(context, row),
        lasts_until=overview.lasts_until(row),
        owed=plan_state.owed(context, row),
        charged_soon=plan_state.charged_soon(context, row),
        under_way=plan_state.under_way(context, row),
    )


def end_plan(owner: str) -> Subscription:
    """End the plan now, or with the period that is paid, as the form says. Commits.

    Where nothing is said, it is with the period.

    :raises UnknownItem: It says something else.
    """
    words = marked("Say whether to cancel now, or when the period that is paid ends.")
    now = forms.one_of("when", ("now", "end", "period_end", ""), words) == "now"
    return (changing.cancel_now if now else changing.cancel_at_end)(page.context(), owner)


def keep() -> ResponseReturnValue:
    """Undo what is to come: the end, or a smaller plan."""
    return move(changing.keep, lambda _row: _("Your plan goes on as it was."))


def pause() -> ResponseReturnValue:
    def words(row: Subscription) -> str:
        bill = plan_state.charged_soon(page.context(), row)
        if bill is None:
            return _("Your plan is paused: it does not renew.")
        return _(
            "Your plan is paused after the period that has begun. "
            "%(amount)s is charged for it, and nothing more.",
            amount=formats.amount(bill.due_minor, bill.currency),
        )

    return move(changing.pause, words)


def resume() -> ResponseReturnValue:
    """Go on after a pause, with another card if one is chosen."""
    return move(unpause, lambda _row: _(RESUMED))


def unpause(context: Context, owner: str) -> Subscription:
    card_id = forms.sent().get("saved_card")
    return changing.unpause(context, owner, card_id=card_id, max_minor=as_shown.max_minor())


def move(verb: changing.Verb, words: Callable[[Subscription], str]) -> ResponseReturnValue:
    """Do it, and go back to the plan.

    :param words: What came of it, in the reader's language.
    """
    owner = page.customer()
    page.context().gateway.ask_limit.require(owner)
    try:
        row = verb(page.context(), owner)
    except (UnknownItem, PlanRefused, NotYours) as error:
        return overview.overview(owner, error), error.http_status
    return page.done("prepaid.plan", words(row))


def use_card() -> ResponseReturnValue:
    """Pay the plan with another card from now on, and what is owed at once."""
    owner = page.customer()
    page.context().gateway.ask_limit.require(owner)
    try:
        pay_with(owner)
    except (UnknownItem, PlanRefused, NotYours) as error:
        return overview.overview(owner, error), error.http_status
    return page.done("prepaid.plan", _("This card pays your plan now."))


def pay_with(owner: str) -> None:
    """Pay the plan with the card that the form names from now on, and what is owed at once. Commits.

    :raises PlanRefused: It did not pay.
    """
    card_id = forms.sent().get("saved_card", "")
    try:
        changing.use_card(page.context(), owner, card_id, max_minor=as_shown.max_minor())
    except CardDeclined as declined:
        reason, way_on = declines.in_words(declined.reason or ""), _("Pay with another card.")
        raise PlanRefused(f"{unpaid_by(card_id)} {reason} {way_on}") from declined
    except CardNeedsOwner as asked:
        way_on = _("Your bank asks you to confirm it. Do that on Stripe's page, or pay with another card.")
        raise PlanRefused(f"{unpaid_by(card_id)} {way_on}") from asked


def unpaid_by(card_id: str) -> str:
    card = page.context().session.get(SavedCard, card_id)
    name = formats.card(card.brand, card.last4) if card is not None else _("This card")
    return _("%(card)s did not pay.", card=name)
