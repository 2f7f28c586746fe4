"""Auto top-up: what it buys, when, and how often a month at most."""

from __future__ import annotations

from dataclasses import replace

from flask import request
from flask.typing import ResponseReturnValue

from ...context import reading
from ...errors import NoCard, UnknownItem
from ...languages import formats
from ...languages.words import gettext as _
from ...payments import tax_rates
from ...payments.models import TopUp
from ...purchases.auto_topup import topups
from ...subscriptions import currencies
from .. import as_shown, forms, page
from . import cards
from .buying.chosen_offer import offer_as_shown


def top_up() -> ResponseReturnValue:
    """Switch auto top-up on, with its pack, threshold and how often a month at most, or off."""
    owner = page.customer()
    context = page.context()
    if "off" in request.form:
        topups.switch_off(context, owner)
        return page.done("prepaid.cards", _("Auto top-up is off. Nothing more is bought by itself."))
    try:
        row = switch_on(owner)
    except (UnknownItem, NoCard) as error:
        return cards.overview(owner, cards.refresh(owner), error), 422
    words = _(
        "Auto top-up is on: it buys below %(credits)s, for at most %(amount)s a month.",
        credits=formats.credits(row.threshold),
        amount=formats.amount(row.ceiling_minor, row.currency),
    )
    with reading(context):
        now = topups.bought_at_once(context, row)
    if now is not None:
        words += " " + _(
            "We are buying %(credits)s now for %(amount)s.",
            credits=formats.credits(now.credits),
            amount=formats.amount(now.amount_minor, now.currency),
        )
    return page.done("prepaid.cards", words)


def switch_on(owner: str) -> TopUp:
    """Switch auto top-up on, as the form says. Commits."""
    context, sent = page.context(), forms.sent()
    pack = sent.get("pack", "")
    offer = offer_as_shown(currencies.of(context, owner), pack=pack)
    times = forms.whole_number(sent, "times")
    threshold = forms.threshold()
    sold = context.catalog.packs[pack].sold_in(offer.currency)
    taxed = cards.with_tax(sold, tax_rates.last(context, owner))
    as_shown.require_offer(taxed, replace(offer, amount_minor=taxed.amount_minor))
    ceiling_minor, most_minor = times * taxed.amount_minor, as_shown.max_minor()
    if most_minor is not None and ceiling_minor > most_minor:
        ceiling = formats.amount(ceiling_minor, offer.currency)
        raise UnknownItem(f"That is up to {ceiling} a month, more than max_minor.", field="max_minor")
    try:
        return topups.switch_on(context, owner, pack=pack, threshold=threshold, ceiling_minor=ceiling_minor)
    except UnknownItem as error:
        raise UnknownItem(str(error), field="times" if error.field == "ceiling" else error.field) from None
