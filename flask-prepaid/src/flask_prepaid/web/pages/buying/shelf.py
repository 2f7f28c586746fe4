"""What is for sale: the page of packs, a free quantity, and the ways to pay."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from flask import request
from sqlalchemy import select

from ....catalog import Catalog, Quantity
from ....codes import finding
from ....errors import UnknownItem
from ....languages.words import gettext as _
from ....languages.words import ngettext
from ....payments import tax_rates
from ....payments.models import Payment, PaymentState
from ....purchases.saved_cards import cards_on_file
from ....subscriptions import currencies
from ... import as_shown, forms, page
from .chosen_offer import buyers_currency


def shelf(owner: str, error: UnknownItem | None = None) -> str:
    """The page, with what was chosen before, or by the link that leads to it.

    Such a link has ``?pack=`` or ``?credits=``, and may have ``saved_card=``, empty for another card.
    """
    context, currency = page.context(), buyers_currency(owner)
    bound, binding = currencies.bound_to(context.session, owner), currencies.binding(context, owner)
    priced = [pack.sold_in(currency) for pack in context.catalog.packs.values()]
    sent = request.form if request.method == "POST" else request.args
    on_file = cards_on_file.saved(context.session, owner)
    valid = cards_on_file.first_valid(on_file, context.clock())
    packs, quantity = [pack for pack in priced if binding in (None, pack.currency)], quantity_in(binding)
    return page.render(
        "buy.html",
        catalog=context.catalog,
        packs=packs,
        quantity=quantity,
        shown=as_shown.listed([*packs, quantity]),
        currency=currency,
        currencies=[] if bound else context.catalog.currencies,
        balance=context.ledger.balance(owner),
        cards=on_file,
        chosen_card=sent.get("saved_card", valid.id if valid else ""),
        has_left_unpaid=has_left_unpaid(owner),
        error=error,
        chosen=chosen_on_shelf(context.catalog, sent),
        written=sent.get("credits", ""),
        attempt=forms.new_attempt,
        tax_rate=tax_rates.last(context, owner),
        with_tax=tax_rates.with_tax,
        lasting=lasting,
        kept={name: request.args.get(name) for name in ("pack", "credits")},
        takes_codes=finding.is_any_on(context.session, context.clock()),
    )


def quantity_in(binding: str | None) -> Quantity | None:
    """The free quantity, if it is sold, and in ``binding``, the one currency that can be paid in, if any."""
    sold = page.context().catalog.quantity
    return sold if sold and binding in (None, sold.currency) else None


def chosen_on_shelf(catalog: Catalog, sent: Mapping[str, str]) -> str | None:
    """The slug of the pack that is chosen when the page opens; empty for a number of credits.

    ``None`` where nothing is: then the page's script chooses the first, and a browser without it asks.
    """
    if sent.get("credits") or not catalog.packs:
        return "" if catalog.quantity else None
    return sent["pack"] if sent.get("pack") in catalog.packs else None


def lasting(expires_after: timedelta | None) -> str:
    """How long credits last, as a sentence."""
    if expires_after is None:
        return _("Credits do not expire.")
    days = expires_after.days
    if not days:
        return _("Credits last for less than a day.")
    return ngettext("Credits last for %(count)s day.", "Credits last for %(count)s days.", days)


def has_left_unpaid(owner: str) -> bool:
    """Whether the customer comes from a page of Checkout that nobody has paid, their last one."""
    if "left" not in request.args:
        return False
    last = select(Payment.state).where(Payment.owner == owner).order_by(Payment.id.desc()).limit(1)
    return page.context().session.scalar(last) in (PaymentState.OPEN, PaymentState.EXPIRED)
