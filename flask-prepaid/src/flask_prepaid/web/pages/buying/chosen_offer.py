"""What a form or a call chooses to buy: an offer, the currency it is paid in, and a card on file."""

from __future__ import annotations

from ....catalog import Offer
from ....subscriptions import currencies
from ... import as_shown, forms, page, programs


def chosen_offer() -> Offer:
    """The offer that the form names by a pack or by a number of credits, one of the two.

    :raises UnknownItem: Neither or both are named, the one named is not sold, or its price was shown in
        another currency than it is paid in, or at another one.
    """
    sent = forms.sent()
    pack, written = sent.get("pack") or None, sent.get("credits")
    # Beside a pack, an empty field says nothing.
    is_number = bool(written) or (pack is None and written is not None)
    credits = forms.whole_number(sent, "credits") if is_number else None
    offer = offer_as_shown(buyers_currency(page.customer()), pack=pack, credits=credits)
    catalog = page.context().catalog
    sold = catalog.packs[pack].sold_in(offer.currency) if pack else catalog.quantity
    as_shown.require_offer(sold, offer)
    return offer


def offer_as_shown(currency: str, *, pack: str | None, credits: int | None = None) -> Offer:
    """The offer in ``currency``.

    :raises UnknownItem: It is not sold, or the form or call names another currency, in which it was shown.
    """
    catalog, wanted = page.context().catalog, forms.sent().get("currency")
    offer = catalog.offer(pack=pack, credits=credits, currency=currency)
    if not (wanted and programs.is_api()):
        # A form sends the currency of its page, whatever each pack is sold in.
        wanted = catalog.offer(pack=pack, credits=credits, currency=wanted or currency).currency
    currencies.require_as_shown(offer.currency, wanted)
    return offer


def buyers_currency(owner: str) -> str:
    """What the customer pays in: what they choose on the page, if it is not settled otherwise."""
    return currencies.of(page.context(), owner, forms.chosen("currency"))


def chosen_card(offer: Offer) -> str | None:
    """The card on file that is to pay. A gift charges none."""
    return forms.sent().get("saved_card") or None if offer.amount_minor else None
