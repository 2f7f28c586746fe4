"""Pay for what was chosen, at Checkout or with a card on file: for a form, and for a call of the API."""

from __future__ import annotations

from collections.abc import Callable

from flask import url_for

from ....catalog import Offer
from ....errors import NotYours, UnknownItem
from ....gateway.payments.checkout import WaysBack
from ....gateway.values import Checkout, NextStep
from ....languages import formats
from ....languages.words import gettext as _
from ....languages.words import marked
from ....payments import tax_rates
from ....payments.models import Payment
from ....purchases import charging
from ....purchases.checkout import checkout_pages, earlier_pages
from ... import forms, page, sent_again

WITH_TAX = marked(
    "With tax it is %(total)s, of which %(tax)s are tax. Nothing is charged yet: press again to pay."
)


def opened_before(owner: str) -> Checkout | None:
    """The page that this request has opened before, where it can still be paid, or is.

    :raises KeyReused: Its key has asked for something else.
    """
    return earlier_pages.page(page.context(), owner, sent_again.wish())[1]


def charged_before(
    owner: str, max_minor_of: Callable[[Payment], int | None]
) -> tuple[Payment, NextStep | None] | None:
    """The charge that this request has begun before, and the bank's question where it waits for an answer.

    :param max_minor_of: Says the total that the customer was shown.
    :raises KeyReused: Its key has asked for something else.
    :raises UnknownItem: With tax it costs more than was shown.
    """
    charged = charging.charge_again(
        page.context(),
        owner,
        sent_again.wish(),
        return_url=way_back(),
        max_minor_of=max_minor_of,
    )
    if charged is not None:
        require_within_total(charged[0])
    return charged


def open_checkout(
    owner: str, offer: Offer, *, cancel_url: str | None, success_url: str | None = None
) -> Checkout:
    """Open Stripe's page for an offer; ``cancel_url=None`` is for Stripe's elements on a page of our own."""
    return checkout_pages.open_checkout(
        page.context(),
        owner,
        offer,
        ways_back=WaysBack(success_url or page.way_back("prepaid.return"), cancel_url),
        wish=sent_again.wish(),
        keep_card=bool(forms.sent().get("keep_card")),
    )


def charge_card(
    owner: str, offer: Offer, card_id: str, *, max_minor: int | None
) -> tuple[Payment, NextStep | None]:
    """Charge a card on file; the payment, and the bank's question where it has one.

    :param max_minor: The total with tax that the customer was shown.
    :raises UnknownItem: The card is gone, or with tax it costs more than was shown.
    """
    try:
        charged = charging.charge_card(
            page.context(),
            owner,
            offer,
            card_id,
            return_url=way_back(),
            wish=sent_again.wish(),
            max_minor=max_minor,
        )
    except NotYours:
        gone = _("That card is not on file any more. Choose another one.")
        raise UnknownItem(gone, field="saved_card") from None
    require_within_total(charged[0])
    return charged


def require_within_total(payment: Payment) -> None:
    """
    :raises UnknownItem: With tax it costs more than was shown, and nothing was charged.
    """
    if payment.failure != tax_rates.ABOVE_MAX:
        return
    tax = payment.tax_minor
    total = payment.amount_minor + tax
    if sent_again.is_call_with_key():
        for_program = (
            f"With tax it is {total} in minor units, {tax} of them tax. Nothing is charged: show that total, "
            "and send it as max_minor under a new Idempotency-Key."
        )
        raise UnknownItem(for_program, field="max_minor")
    words = _(
        WITH_TAX,
        total=formats.amount(total, payment.currency),
        tax=formats.amount(tax, payment.currency),
    )
    raise UnknownItem(words, field="saved_card")


def way_back() -> Callable[[int], str]:
    """Makes the address to which a bank's page leads back, by the payment's number: to the result page.

    A call of the API may name a path of its own page.

    :raises UnknownItem: That is no path of this site.
    """
    path = forms.return_path()
    if path is None:
        return lambda payment_id: url_for("prepaid.return", payment=payment_id, _external=True)
    return lambda payment_id: page.with_value(forms.here(path), "payment", str(payment_id))
