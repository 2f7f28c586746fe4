"""Cards on file: list, add, correct, choose, remove."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import Any

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from prepaid_ledger.errors import PrepaidError

from ... import money
from ...catalog import Pack
from ...context import reading
from ...errors import CardDeclined, CardInUse, GatewayRefused, GatewayUnavailable, UnknownItem
from ...gateway.payments.checkout import WaysBack
from ...gateway.values import Card
from ...languages import units
from ...languages.words import gettext as _
from ...payments import tax_rates
from ...payments.customers.rows import known_customer
from ...purchases.auto_topup import topups
from ...purchases.saved_cards import cards, cards_on_file, copies
from ...subscriptions import currencies, plan_rows, retries
from ...subscriptions.invoices import plan_lots
from .. import as_shown, forms, page
from . import billing, declines
from .plans import owed


def listing() -> ResponseReturnValue:
    """The customer's cards, fetched afresh; the copy that we have if Stripe does not answer.

    While one is tried for what the plan owes, the page asks again by itself.
    """
    owner = page.customer()
    has_answered = refresh(owner)
    again = owed.address_after_try(owner, "prepaid.cards")
    html = overview(owner, has_answered)
    return page.refreshing(html, again) if again else html


def overview(owner: str, may_ask: bool, error: PrepaidError | None = None) -> str:
    context = page.context()
    of_plan = plan_money(owner, may_ask)  # commits: what is read before it may be gone after it
    topup = topups.setting(context.session, owner)
    currency = currencies.of(context, owner)
    priced = [pack.sold_in(currency) for pack in context.catalog.packs.values() if pack.amount_minor]
    binding = currencies.binding(context, owner)
    rate = tax_rates.last(context, owner)
    packs = [pack for pack in priced if binding in (None, pack.currency)]
    return page.render(
        "cards.html",
        cards=cards_on_file.saved(context.session, owner),
        default=cards_on_file.default_card(context.session, owner),
        **of_plan,
        paid=owed.paid_by_try(owner),
        given_by_now=partial(plan_lots.given_by_now, context.session),
        topup=topup,
        summary=topups.summary(context, topup) if topup else None,
        written=request.form,
        packs=packs,
        shown=as_shown.listed([with_tax(pack, rate) for pack in packs]),
        month_minor=lambda pack, times: times * with_tax(pack, rate).amount_minor,
        have=balance_to_top_up(owner, packs),
        one_credit=10 ** units.current().scale,
        bought_if_on=partial(topups.bought_if_on, context, owner),
        decimal=money.decimal,
        currency=currency,
        added=request.args.get("added"),
        error=error,
    )


def balance_to_top_up(owner: str, packs: list[Pack]) -> int | None:
    """Available credits less what is owed; ``None`` where nothing would be bought, whatever is set."""
    context = page.context()
    wallet = context.ledger.wallet(owner)
    most = {"threshold": wallet.available + 1, "ceiling_minor": topups.MAX_CEILING_MINOR}
    if not packs or topups.bought_if_on(context, owner, pack=packs[0], **most) is None:
        return None
    return wallet.available - wallet.debt


def with_tax(pack: Pack, rate: Fraction | None) -> Pack:
    """The pack at what one costs a month, tax and all."""
    return replace(pack, amount_minor=tax_rates.with_tax(pack.amount_minor, rate, pack.currency))


def plan_money(owner: str, may_ask: bool) -> dict[str, Any]:
    """What the owner's plan owes, where its payment failed, and what has been tried. Commits."""
    session = page.context().session
    row = plan_rows.running(session, owner)
    return owed.of_owed(row, may_ask=may_ask) if row and retries.is_owed(session, owner) else {}


def refresh(owner: str) -> bool:
    """Fetch the customer's cards, where Stripe may be asked; whether it answered. Commits."""
    context = page.context()
    with reading(context) as session:
        customer_id = known_customer(session, owner)
    if customer_id is not None and context.gateway.ask_limit.may(owner):
        with suppress(GatewayUnavailable, GatewayRefused):
            copies.refresh(context, customer_id)
            return True
    return False


def add() -> ResponseReturnValue:
    """On to Stripe's page, or by ``own_card_form`` to Stripe's fields on ours. Nothing is paid."""
    context, back = page.context(), url_for("prepaid.cards", _external=True)
    here, left = context.config.own_card_form, url_for("prepaid.cards", added=1, _external=True)
    opened = cards.open_page(context, page.customer(), WaysBack(left, None if here else back))
    if not here:
        return redirect(opened.url or back, 303)
    return page.render("card_new.html", client_secret=opened.client_secret)


def edit(card_id: str) -> ResponseReturnValue:
    """What is printed on the card, and where its bill goes. The number never changes."""
    owner = page.customer()
    context = page.context()
    card = cards.fetch(context, owner, card_id)
    if request.method == "GET":
        return page_of(card, written=card)
    try:
        correct(owner, card_id)
    except (UnknownItem, GatewayRefused, CardDeclined) as error:
        words = declines.in_words(error.reason or "") if isinstance(error, CardDeclined) else _(str(error))
        return page_of(card, written=request.form, error=words), 422
    return page.done("prepaid.cards", _("Your card ending in %(last4)s is changed.", last4=card.last4))


def page_of(card: Card, *, written: Card | Mapping[str, str], error: str | None = None) -> str:
    countries = billing.names_of_countries()
    return page.render("card.html", card=card, written=written, countries=countries, error=error)


def correct(owner: str, card_id: str) -> None:
    """Correct a card as the form says. Commits."""
    month, year = forms.expiry(page.context().clock())
    name, address = forms.name_on_card(), forms.address()
    cards.correct(page.context(), owner, card_id, exp_month=month, exp_year=year, name=name, address=address)


def choose(card_id: str) -> ResponseReturnValue:
    choose_card(page.customer(), card_id)
    return page.done("prepaid.cards", _("This card pays by default now."))


def choose_card(owner: str, card_id: str) -> None:
    """Let a card pay by default. Commits."""
    context = page.context()
    context.gateway.ask_limit.require(owner)
    cards.choose(context, owner, card_id)


def remove(card_id: str) -> ResponseReturnValue:
    """At once, but where a plan or auto top-up pays with it: then what comes of that is said first."""
    needed = remove_card(page.customer(), card_id)
    if needed is not None:
        return page.render("card_remove.html", needed=needed)
    return page.done("prepaid.cards", _("The card is removed, here and at Stripe."))


def remove_card(owner: str, card_id: str) -> cards.Needed | None:
    """Remove a card; or say what would miss it, unless its owner is sure. Commits."""
    context = page.context()
    context.gateway.ask_limit.require(owner)
    needed = None if "sure" in forms.sent() else cards.needed(context, owner, card_id)
    if needed is None:
        cards.remove(context, owner, card_id)
    return needed


def in_use(needed: cards.Needed) -> CardInUse:
    """Why a card stays for now, for a program."""
    payers = [name for name, pays in (("your plan", needed.plan), ("auto top-up", needed.topup)) if pays]
    then = (
        f"{f'{needed.replacement.brand.capitalize()} {needed.replacement.last4}'} pays then"
        if needed.replacement
        else "nothing pays then"
    )
    return CardInUse(f"This card pays {' and '.join(payers)}. Send sure to remove it: {then}.")
