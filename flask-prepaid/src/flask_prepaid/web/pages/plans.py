"""A plan's pages: choose one, see it, preview and change it, cancel, pause, resume, and pay what is owed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from prepaid_ledger.errors import PrepaidError

from ...catalog import Plan
from ...context import Context
from ...errors import GatewayRefused, GatewayUnavailable, NotYours, PlanRefused, UnknownItem
from ...gateway.billing.subscription_values import Page, StripeInvoice
from ...languages import formats
from ...languages.words import gettext as _
from ...languages.words import marked
from ...payments.customers.models import SavedCard
from ...purchases.saved_cards import cards
from ...subscriptions import changing, currencies, plan_state, previews, prices, sync
from ...subscriptions.beginning import beginnings, subscribing
from ...subscriptions.models import BEGINNING, ENDED, Invoice, PlanPrice, State, Subscription
from .. import asking, forms, page, sent_again

#: How many invoices the page shows.
SHOWN = 36

#: How long the page thanks for a plan that has begun: its address may be opened again later.
THANKED_FOR = timedelta(hours=1)

#: What a link of the page chooses, and the others keep.
CHOSEN_BY_LINKS = ("every", "currency", "saved_card")

#: What is said after a pause has ended; a payment that is not through yet stands on the page itself.
RESUMED = marked("Your plan is resumed.")


def plan() -> ResponseReturnValue:
    """The customer's plan and its history, or the plans to choose from; a choice goes on to Stripe's page."""
    owner = page.customer()
    if request.method == "POST":
        return choose(owner)
    page.context().gateway.ask_limit.require(owner)
    session_id = request.args.get("session_id")
    if session_id is None:
        return overview(owner)
    row = subscribing.come_back(page.context(), owner, session_id)
    html = overview(owner)
    return page.refreshing(html) if row.state in BEGINNING else html


def choose(owner: str) -> ResponseReturnValue:
    try:
        card_id = request.form.get("saved_card")
        if card_id:
            row = subscribe(owner, card_id)
            return redirect(url_for("prepaid.plan", begun=row.id), 303)
        opened = open_page(owner, cancel_url=way_out(owner))
    except (UnknownItem, PlanRefused) as error:
        return overview(owner, error), error.http_status
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


@dataclass(frozen=True)
class ChosenPlan:
    """A plan, how many times over, and whether a free trial was promised with it."""

    plan: Plan
    quantity: int
    trial: bool


def chosen_plan(owner: str) -> ChosenPlan:
    """What the form chooses.

    :raises UnknownItem: It is not sold so.
    """
    sent = forms.sent()
    plan = plan_named(owner, sent.get("plan", ""))
    return ChosenPlan(plan, forms.quantity(sent), bool(sent.get("trial")))


def subscribe(owner: str, card_id: str) -> Subscription:
    """Begin the plan that the form chooses with a card on file. Commits."""
    earlier = beginnings.begun_before(page.context(), owner, forms.attempt(), sent_again.digest())
    if earlier is not None:
        return earlier
    chosen = chosen_plan(owner)
    return subscribing.subscribe(
        page.context(),
        owner,
        chosen.plan,
        card_id,
        quantity=chosen.quantity,
        trial_promised=chosen.trial,
        attempt=forms.attempt(),
        sent_digest=sent_again.digest(),
    )


def plan_named(owner: str, slug: str) -> Plan:
    """The plan at its price in the customer's currency.

    :raises UnknownItem: There is no such plan, or its price was shown in another currency.
    """
    context = page.context()
    listed, shown = context.catalog.plan(slug), forms.chosen("currency")
    plan = listed.sold_in(currencies.of(context, owner, shown))
    if shown:
        wanted = shown if asking.is_api() else listed.sold_in(shown).currency
        currencies.require_as_shown(plan.currency, wanted)
    return plan


def open_page(owner: str, *, cancel_url: str | None, success_url: str | None = None) -> Page:
    """Open Stripe's page for the plan that the form chooses, or find the one that it has opened before.

    The two ways to pay are two wishes: a form sent to both gets a page of each kind, the last one open. A key
    of a call names one.

    :param cancel_url: ``None`` is for a page of our own with Stripe's elements.
    """
    context, wish = page.context(), forms.attempt()
    if wish and cancel_url is None and not sent_again.is_call():
        wish = f"own-{wish}"
    earlier = beginnings.page_before(context, owner, wish, sent_again.digest())
    if earlier is not None:
        return earlier
    chosen = chosen_plan(owner)
    return subscribing.open_page(
        context,
        owner,
        chosen.plan,
        quantity=chosen.quantity,
        trial_promised=chosen.trial,
        success_url=success_url or page.way_back("prepaid.plan"),
        cancel_url=cancel_url,
        attempt=wish,
        sent_digest=sent_again.digest(),
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
        return overview(owner, error), error.http_status
    row = sync.find(context.session, session_id=opened.id)
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


def overview(owner: str, error: PrepaidError | None = None) -> str:
    context = page.context()
    session = context.session
    currency = currencies.of(context, owner, request.values.get("currency"))
    row = sync.running(session, owner)
    coming = next_bill(row) if row else None  # commits: what is read before it may be gone after it
    resumes_for = resumption_minor(row) if row else None
    begins = row is not None and row.state in (State.REQUESTED, State.OPEN)
    terms = session.get_one(PlanPrice, row.price_id) if row else None
    mine = select(Subscription).where(Subscription.owner == owner, Subscription.state.in_(ENDED))
    saved = cards.saved(session, owner)
    last = session.scalars(mine.order_by(Subscription.id.desc())).first()
    bills = (
        select(Invoice)
        .join(Subscription, Subscription.id == Invoice.subscription_id)
        .where(Subscription.owner == owner, Invoice.state != "draft")
        .order_by(Invoice.created_at.desc(), Invoice.id.desc())
    )
    return page.render(
        "plan.html",
        row=row,
        begins=begins,
        last=last,
        terms=terms,
        planned=session.get(PlanPrice, row.next_price_id) if row and row.next_price_id else None,
        owed=plan_state.owed(context, row) if row else None,
        bill=plan_state.period_bill(context, row) if row else None,
        next_bill=coming,
        resumes_for=resumes_for,
        may=lambda verb: row is not None and row.stripe_id is not None and plan_state.may(row, verb),
        ends_unrenewed=row is not None and plan_state.ends_unrenewed(row),
        is_over=row is not None and plan_state.is_over(context, row),
        has_just_begun=row is not None and has_just_begun(row),
        payer=payer(row) if row else None,
        needs_card=row is not None and needs_card(row, saved),
        lasts_until=lasts_until,
        plans=plans_shown(currency, None if begins else terms),
        currency=currency,
        currencies=[] if currencies.bound_to(session, owner) else context.catalog.currencies,
        intervals=intervals(),
        shown_interval=shown_interval(),
        saving=saving,
        had_trial=beginnings.had_trial(context, owner),
        balance=context.ledger.balance(owner),
        cards=saved,
        pays_with=pays_with(saved),
        kept={name: request.args.get(name) for name in CHOSEN_BY_LINKS},
        invoices=session.scalars(bills.limit(SHOWN)).all(),
        attempt=forms.new_attempt,
        error=error,
    )


def has_just_begun(row: Subscription) -> bool:
    """Whether this is the address to which the beginning of a plan leads, and it began within the hour."""
    led_by = request.args.get("session_id") or request.args.get("begun")
    if led_by not in (row.session_id, str(row.id)) or led_by is None or row.period_start is None:
        return False
    return page.context().clock() - row.period_start < THANKED_FOR


def payer(row: Subscription) -> SavedCard | None:
    """The card on file that pays a plan; ``None`` where none does."""
    session = page.context().session
    card = session.get(SavedCard, row.card_id or cards.default_card(session, row.owner) or "")
    return card if card is not None and card.owner == row.owner else None


def needs_card(row: Subscription, saved: list[SavedCard]) -> bool:
    """Whether a trial is to go on, and there is no card yet that could pay for that."""
    return row.state is State.TRIALING and not (row.card_id or row.cancel_at or saved)


def pays_with(saved: list[SavedCard]) -> SavedCard | None:
    """The card on file that is to pay: the chosen one, or the first valid one. ``None`` is another card."""
    wanted = forms.chosen("saved_card")
    if wanted is None:
        return cards.first_valid(saved, page.context().clock())
    return next((card for card in saved if card.id == wanted), None)


def intervals() -> list[str]:
    """The periods by which plans are sold, such as ``month`` and ``year``, in the order of the price list."""
    return list(dict.fromkeys(plan.interval for plan in page.context().catalog.plans.values()))


def shown_interval() -> str:
    """The period whose plans are shown: the one that ``?every=`` names, or the first."""
    sold = intervals()
    wanted = request.args.get("every", "")
    return wanted if wanted in sold else next(iter(sold), "")


def plans_shown(currency: str, terms: PlanPrice | None) -> list[Plan]:
    """The plans to choose from: those of one period; who has one changes to any but that.

    :param terms: What the customer's plan gives and costs, perhaps by an earlier price list.
    """
    plans = [plan.sold_in(currency) for plan in page.context().catalog.plans.values()]
    if terms is None:
        return [plan for plan in plans if plan.interval == shown_interval()]
    return [plan for plan in plans if plan.max_quantity > 1 or not prices.stands_for(terms, plan)]


def saving(plan: Plan) -> int:
    """How many months of a year's plan are free, beside the plan that gives the same credits by the month."""
    if plan.period != ("year", 1):
        return 0
    for other in page.context().catalog.plans.values():
        monthly = other.sold_in(plan.currency)
        same = (other.credits * 12, monthly.currency) == (plan.credits * plan.parts, plan.currency)
        if other.period == ("month", 1) and same:
            return max(12 * monthly.amount_minor - plan.amount_minor, 0) // monthly.amount_minor
    return 0


def next_bill(row: Subscription) -> StripeInvoice | None:
    """The next charge, exactly; ``None`` also while Stripe does not answer."""
    try:
        return previews.next_bill(page.context(), row)
    except (GatewayUnavailable, GatewayRefused):
        return None


def resumption_minor(row: Subscription) -> int | None:
    """What it costs to resume a paused plan in a new period; ``None`` also while Stripe does not answer."""
    try:
        return previews.resumption_minor(page.context(), row)
    except (GatewayUnavailable, GatewayRefused):
        return None


def lasts_until(row: Subscription) -> datetime | None:
    """When the credits of the period that is paid lapse."""
    return row.period_end + page.context().config.allowance_grace if row.period_end else None


def change() -> ResponseReturnValue:
    """What a change costs and gives, now and next; sent, it happens just so."""
    owner, context = page.customer(), page.context()
    context.gateway.ask_limit.require(owner)
    try:
        if request.method == "GET":
            return previewed(owner)
        wanted = change_plan(owner)
    except (UnknownItem, PlanRefused, NotYours) as error:
        return overview(owner, error), error.http_status
    return page.done(
        "prepaid.plan",
        _("Your plan changes to %(plan)s. Below stands from when.", plan=formats.title(wanted.title)),
    )


def change_plan(owner: str) -> Plan:
    """Change the plan as it was previewed; the new one. Commits."""
    sent = forms.sent()
    wanted, quantity = plan_named(owner, sent.get("plan", "")), forms.quantity(sent)
    changing.change(
        page.context(),
        owner,
        wanted,
        quantity,
        proration_date=forms.whole_number(sent, "proration_date"),
        due_minor=forms.whole_number(sent, "due_minor"),
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
    return page.render("plan_change.html", preview=shown, row=row, terms=terms, payer=payer(row))


def cancel() -> ResponseReturnValue:
    """Say what ends and what stays; sent, it ends at the period's end or now."""
    owner, context = page.customer(), page.context()
    context.gateway.ask_limit.require(owner)
    try:
        if request.method == "GET":
            return asked_to_cancel(plan_state.own(context, owner, "cancel now"))
        if end_plan(owner):
            words = _("Your plan has ended. Nothing more is charged.")
        else:
            words = _("Your plan ends with the period that is paid. Nothing more is charged.")
    except (PlanRefused, NotYours) as error:
        return overview(owner, error), error.http_status
    return page.done("prepaid.plan", words)


def asked_to_cancel(row: Subscription) -> str:
    context = page.context()
    return page.render(
        "plan_cancel.html",
        row=row,
        terms=subscribing.terms(context, row),
        at_end=plan_state.may(row, "cancel at the period's end")
        and row.cancel_at is None
        and not plan_state.is_over(context, row),
        lasts_until=lasts_until(row),
        owed=plan_state.owed(context, row),
    )


def end_plan(owner: str) -> bool:
    """End the plan now, or with the period that is paid, as the form says; whether it was now. Commits.

    Where nothing is said, it is with the period.

    :raises UnknownItem: It says something else.
    """
    words = marked("Say whether to cancel now, or when the period that is paid ends.")
    now = forms.one_of("when", ("now", "end", "period_end", ""), words) == "now"
    (changing.cancel_now if now else changing.cancel_at_end)(page.context(), owner)
    return now


def keep() -> ResponseReturnValue:
    """Undo what is to come: the end, or a smaller plan."""
    return move(changing.keep, marked("Your plan goes on as it was."))


def pause() -> ResponseReturnValue:
    return move(changing.pause, marked("Your plan is paused: it does not renew."))


def resume() -> ResponseReturnValue:
    """Go on after a pause, with another card if one is chosen."""
    return move(unpause, RESUMED)


def unpause(context: Context, owner: str) -> Subscription:
    return changing.unpause(context, owner, card_id=forms.sent().get("saved_card"))


def move(verb: changing.Verb, words: str) -> ResponseReturnValue:
    owner = page.customer()
    page.context().gateway.ask_limit.require(owner)
    try:
        verb(page.context(), owner)
    except (UnknownItem, PlanRefused, NotYours) as error:
        return overview(owner, error), error.http_status
    return page.done("prepaid.plan", _(words))


def use_card() -> ResponseReturnValue:
    """Pay the plan with another card from now on, and what is owed at once."""
    owner = page.customer()
    page.context().gateway.ask_limit.require(owner)
    try:
        pay_with(owner)
    except (UnknownItem, PlanRefused, NotYours) as error:
        return overview(owner, error), error.http_status
    return page.done("prepaid.plan", _("This card pays your plan now."))


def pay_with(owner: str) -> None:
    """Pay the plan with the card that the form names from now on, and what is owed at once. Commits.

    :raises PlanRefused: It did not pay.
    """
    _row, paid = changing.use_card(page.context(), owner, forms.sent().get("saved_card", ""))
    if not paid:
        raise PlanRefused("This card did not pay. Confirm the payment with your bank, or take another card.")
