"""Cards on file: list, add, correct, choose, remove."""

from __future__ import annotations

from contextlib import suppress

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from prepaid_ledger import clock
from prepaid_ledger.errors import PrepaidError

from ..context import reading
from ..errors import CardDeclined, GatewayRefused, GatewayUnavailable, NotYours, UnknownItem
from ..languages import formats
from ..languages.words import gettext as _
from ..payments import tax_rates
from ..payments.customers import known_customer
from ..purchases import cards, topups
from ..subscriptions import currencies, retries
from . import declines, forms, page


def listing() -> ResponseReturnValue:
    """The customer's cards, fetched afresh; the copy that we have if Stripe does not answer."""
    return overview(page.customer())


def overview(owner: str, error: PrepaidError | None = None) -> str:
    context = page.context()
    with reading(context) as session:
        customer_id = known_customer(session, owner)
    if customer_id is not None and context.gateway.ask_limit.may(owner):
        with suppress(GatewayUnavailable, GatewayRefused):
            cards.refresh(context, customer_id)
    topup = topups.setting(context.session, owner)
    currency = currencies.of(context, owner)
    priced = [pack.sold_in(currency) for pack in context.catalog.packs.values() if pack.amount_minor]
    binding = currencies.binding(context, owner)
    return page.render(
        "cards.html",
        cards=cards.saved(context.session, owner),
        default=cards.default_card(context.session, owner),
        owed=retries.is_owed(context.session, owner),
        topup=topup,
        summary=topups.summary(context, topup) if topup else None,
        written=request.form,
        packs=[pack for pack in priced if binding in (None, pack.currency)],
        currency=currency,
        error=error,
        expires_soon=lambda card: cards.expires_soon(card, clock.wall()),
    )


def add() -> ResponseReturnValue:
    """On to Stripe's page, or by ``own_card_form`` to Stripe's fields on ours. Nothing is paid."""
    context, back = page.context(), url_for("prepaid.cards", _external=True)
    here = context.config.own_card_form
    opened = cards.open_page(context, page.customer(), success_url=back, cancel_url=None if here else back)
    if not here:
        return redirect(opened.url or back, 303)
    return page.render("card_new.html", client_secret=opened.client_secret)


def edit(card_id: str) -> ResponseReturnValue:
    """What is printed on the card, and where its bill goes. The number never changes."""
    owner = page.customer()
    context = page.context()
    card = cards.fetch(context, owner, card_id)
    if request.method == "GET":
        return page.render("card.html", card=card, error=None, written=card)
    try:
        month, year = forms.expiry(clock.wall())
        cards.correct(
            context,
            owner,
            card_id,
            exp_month=month,
            exp_year=year,
            name=forms.name_on_card(),
            address=forms.address(),
        )
    except (UnknownItem, GatewayRefused, CardDeclined) as error:
        words = declines.in_words(error.reason or "") if isinstance(error, CardDeclined) else _(str(error))
        return page.render("card.html", card=card, error=words, written=request.form), 422
    return page.done("prepaid.cards", _("Your card ending in %(last4)s is changed.", last4=card.last4))


def top_up() -> ResponseReturnValue:
    """Switch auto top-up on, with its pack, threshold and how often a month at most, or off."""
    owner = page.customer()
    context = page.context()
    if "off" in request.form:
        topups.switch_off(context, owner)
        return page.done("prepaid.cards", _("Auto top-up is off. Nothing more is bought by itself."))
    try:
        pack = request.form.get("pack", "")
        offer = context.catalog.offer(pack=pack, currency=currencies.of(context, owner))
        shown = context.catalog.offer(pack=pack, currency=request.form.get("currency") or offer.currency)
        currencies.require_as_shown(offer.currency, shown.currency)
        times = forms.whole_number(request.form, "times")
        threshold = forms.threshold()
        price_minor = tax_rates.with_tax(offer.amount_minor, tax_rates.last(context, owner))
        topups.switch_on(context, owner, pack=pack, threshold=threshold, ceiling_minor=times * price_minor)
    except (UnknownItem, NotYours) as error:
        return overview(owner, error), 422
    return page.done(
        "prepaid.cards",
        _("Auto top-up is on: it buys below %(credits)s.", credits=formats.credits(threshold)),
    )


def choose(card_id: str) -> ResponseReturnValue:
    context, owner = page.context(), page.customer()
    context.gateway.ask_limit.require(owner)
    cards.choose(context, owner, card_id)
    return page.done("prepaid.cards", _("This card pays by default now."))


def remove(card_id: str) -> ResponseReturnValue:
    """At once, but where a plan or auto top-up pays with it: then what comes of that is said first."""
    context, owner = page.context(), page.customer()
    context.gateway.ask_limit.require(owner)
    needed = None if "sure" in request.form else cards.needed(context, owner, card_id)
    if needed is not None:
        return page.render("card_remove.html", needed=needed)
    cards.remove(context, owner, card_id)
    return page.done("prepaid.cards", _("The card is removed, here and at Stripe."))
