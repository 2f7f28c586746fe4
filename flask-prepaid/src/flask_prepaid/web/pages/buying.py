"""Buy on Stripe's page, on our own page, or with a card on file; and come back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from flask import Response, jsonify, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from ...catalog import Catalog, Offer, Quantity
from ...codes import making
from ...errors import GatewayUnavailable, NotYours, UnknownItem
from ...gateway.values import Checkout, NextStep
from ...languages import choice, formats
from ...languages.words import gettext as _
from ...languages.words import ngettext
from ...payments import payments, tax_rates
from ...payments.models import Payment, PaymentState
from ...purchases import charging, checkout_pages, earlier, settling
from ...purchases.saved_cards import cards
from ...subscriptions import currencies
from .. import asking, forms, page, sent_again
from . import declines

#: The return page asks again by itself while one of these may still change.
WAITING = {PaymentState.REQUESTED, PaymentState.OPEN, PaymentState.PENDING, PaymentState.UNKNOWN}


def buy() -> ResponseReturnValue:
    """What is for sale and how to pay, in one form: it leads to Stripe's page, or charges a card on file."""
    owner = page.customer()
    if request.method == "GET":
        return shelf(owner)
    try:
        if (led := sent_before(owner)) is not None:
            return led
        offer = chosen_offer()
        card_id = chosen_card(offer)
        return pay_by_card(owner, offer, card_id) if card_id else pay_at_stripe(owner, offer)
    except UnknownItem as error:
        return shelf(owner, error), error.http_status


def chosen_offer() -> Offer:
    """The offer that the form names by a pack or by a number of credits, one of the two.

    :raises UnknownItem: Neither or both are named, the one named is not sold, or its price was shown in
        another currency than it is paid in.
    """
    sent = forms.sent()
    pack, written = sent.get("pack") or None, sent.get("credits")
    # Beside a pack, an empty field says nothing.
    is_number = bool(written) or (pack is None and written is not None)
    credits = forms.whole_number(sent, "credits") if is_number else None
    catalog, currency = page.context().catalog, buyers_currency(page.customer())
    offer = catalog.offer(pack=pack, credits=credits, currency=currency)
    wanted = sent.get("currency")
    if not (
        wanted and asking.is_api()
    ):  # a form sends the currency of its page, whatever each pack is sold in
        wanted = catalog.offer(pack=pack, credits=credits, currency=wanted or currency).currency
    currencies.require_as_shown(offer.currency, wanted)
    return offer


def buyers_currency(owner: str) -> str:
    """What the customer pays in: what they choose on the page, if it is not settled otherwise."""
    return currencies.of(page.context(), owner, forms.chosen("currency"))


def chosen_card(offer: Offer) -> str | None:
    """The card on file that is to pay. A gift charges none."""
    return forms.sent().get("saved_card") or None if offer.amount_minor else None


def shelf(owner: str, error: UnknownItem | None = None) -> str:
    """The page, with what was chosen before, or by the link that leads to it.

    Such a link has ``?pack=`` or ``?credits=``, and may have ``saved_card=``, empty for another card.
    """
    context, currency = page.context(), buyers_currency(owner)
    bound, binding = currencies.bound_to(context.session, owner), currencies.binding(context, owner)
    priced = [pack.sold_in(currency) for pack in context.catalog.packs.values()]
    sent = request.form if request.method == "POST" else request.args
    on_file = cards.saved(context.session, owner)
    valid = cards.first_valid(on_file, context.clock())
    return page.render(
        "buy.html",
        catalog=context.catalog,
        packs=[pack for pack in priced if binding in (None, pack.currency)],
        quantity=quantity_in(binding),
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
        takes_codes=making.is_any_on(context.session, context.clock()),
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


def sent_before(owner: str) -> Response | None:
    """Where a form leads that was sent before, whatever has changed since; ``None`` where it is the first.

    :raises KeyReused: Its token has asked for something else.
    """
    rate = forms.tax_rate()

    def shown_minor(payment: Payment) -> int | None:
        return None if rate is None else tax_rates.with_tax(payment.amount_minor, rate, payment.currency)

    charged = charged_before(owner, shown_minor)
    if charged is not None:
        return to_result(*charged)
    opened = opened_before(owner)
    return to_page(opened) if opened is not None else None


def opened_before(owner: str) -> Checkout | None:
    """The page that this request has opened before, where it can still be paid, or is.

    :raises KeyReused: Its key has asked for something else.
    """
    return earlier.page(page.context(), owner, forms.attempt(), sent_digest=sent_again.digest())[1]


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
        forms.attempt(),
        sent_digest=sent_again.digest(),
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
        success_url=success_url or page.way_back("prepaid.return"),
        cancel_url=cancel_url,
        attempt=forms.attempt(),
        sent_digest=sent_again.digest(),
        keep_card=bool(forms.sent().get("keep_card")),
    )


def pay_at_stripe(owner: str, offer: Offer) -> Response:
    return to_page(open_checkout(owner, offer, cancel_url=way_out(owner, offer)))


def way_out(owner: str, offer: Offer) -> str:
    """Where Stripe's page leads who does not pay: to the shelf, with the choice as it was."""
    return url_for(
        "prepaid.buy",
        pack=offer.pack,
        credits=None if offer.pack else offer.credits,
        currency=buyers_currency(owner),
        saved_card="",
        left=1,
        _external=True,
    )


def has_left_unpaid(owner: str) -> bool:
    """Whether the customer comes from a page of Checkout that nobody has paid, their last one."""
    if "left" not in request.args:
        return False
    last = select(Payment.state).where(Payment.owner == owner).order_by(Payment.id.desc()).limit(1)
    return page.context().session.scalar(last) in (PaymentState.OPEN, PaymentState.EXPIRED)


def to_page(checkout: Checkout) -> Response:
    """On to Stripe's page, or to what came of it; or our own page, with Stripe's elements for it.

    What it sells, and for how much, was agreed when it was opened.
    """
    if checkout.status != "open" or checkout.client_secret is None:
        target = checkout.url or url_for("prepaid.return", session_id=checkout.id)
        return make_response(redirect(target, 303))
    context = page.context()
    html = page.render(
        "custom.html",
        offer=payments.find(context.session, stripe_id=checkout.id),
        balance=context.ledger.balance(page.customer()),
        client_secret=checkout.client_secret,
    )
    return make_response(html)


def pay_by_card(owner: str, offer: Offer, card_id: str) -> Response:
    """One press, and on to the result, or to the bank if it wants to see its customer."""
    rate = forms.tax_rate()
    shown_minor = None if rate is None else tax_rates.with_tax(offer.amount_minor, rate, offer.currency)
    return to_result(*charge_card(owner, offer, card_id, max_minor=shown_minor))


def to_result(payment: Payment, step: NextStep | None) -> Response:
    target = step.url if step else url_for("prepaid.return", payment=payment.id)
    return make_response(redirect(target, 303))


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
            attempt=forms.attempt(),
            sent_digest=sent_again.digest(),
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
    if sent_again.is_call():
        for_program = (
            f"With tax it is {total} in minor units, {tax} of them tax. Nothing is charged: show that total, "
            "and send it as max_minor under a new Idempotency-Key."
        )
        raise UnknownItem(for_program, field="max_minor")
    words = _(
        "With tax it is %(total)s, of which %(tax)s are tax. Nothing is charged yet: press again to pay.",
        total=formats.amount(total, payment.currency),
        tax=formats.amount(tax, payment.currency),
    )
    raise UnknownItem(words, field="saved_card")


def custom() -> ResponseReturnValue:
    """Our own page: first the quantity with its live total, then the card.

    The card goes from Stripe's frame to Stripe, never through us.
    """
    owner = page.customer()
    if request.method == "GET":
        return total() if "credits" in request.args else quantity(owner)
    try:
        if (led := sent_before(owner)) is not None:
            return led
        offer = chosen_offer()
        card_id = chosen_card(offer)
        return pay_by_card(owner, offer, card_id) if card_id else pay_on_our_page(owner, offer)
    except UnknownItem as error:
        html = shelf(owner, error) if page.context().config.own_card_form else quantity(owner, error)
        return html, error.http_status


def quantity(owner: str, error: UnknownItem | None = None) -> str:
    context = page.context()
    return page.render(
        "custom.html",
        offer=None,
        quantity=quantity_in(currencies.binding(context, owner)),
        balance=context.ledger.balance(owner),
        error=error,
        written=request.form.get("credits", ""),
        attempt=forms.new_attempt(),
    )


def total() -> ResponseReturnValue:
    """What a quantity costs, for the live total. The server alone decides prices."""
    with choice.written_in(choice.of_reader() or choice.current()):  # the page's script reads it out
        return _total()


def _total() -> ResponseReturnValue:
    try:
        offer = page.context().catalog.offer(credits=forms.whole_number(request.args, "credits"))
    except UnknownItem as error:
        return jsonify({"error": _(str(error))}), error.http_status
    words = {"total": formats.amount(offer.amount_minor, offer.currency)}
    if rate := tax_rates.last(page.context(), page.customer()):
        taxed_minor = tax_rates.with_tax(offer.amount_minor, rate, offer.currency)
        words["with_tax"] = formats.amount(taxed_minor, offer.currency)
    return jsonify(words)


def pay_on_our_page(owner: str, offer: Offer) -> Response:
    if page.context().config.automatic_tax:  # which asks for an address, and so for Stripe's page
        return pay_at_stripe(owner, offer)
    return to_page(open_checkout(owner, offer, cancel_url=None))


def confirm() -> ResponseReturnValue:
    """Back to the bank's page, or to Checkout, of a payment that waits for its customer. It pays once."""
    owner, payment_id = page.customer(), forms.payment_id(request.form.get("payment", ""))
    payment, step = charging.resume(page.context(), owner, payment_id, return_url=way_back()(payment_id))
    return redirect(step.url if step else url_for("prepaid.return", payment=payment.id), 303)


def invoice(payment: str) -> ResponseReturnValue:
    """On to the PDF at Stripe, whose address is good for some weeks only and so is asked for each time."""
    return redirect(settling.invoice_url(page.context(), page.customer(), forms.payment_id(payment)))


def come_back() -> ResponseReturnValue:
    """What became of a purchase. Answers 200 itself: a redirect here would lose the customer's only link."""
    context = page.context()
    owner = context.current_owner()
    if owner is None:
        raise NotYours("There is no such purchase. Sign in as the customer who paid.")
    number, session_id = request.args.get("payment"), request.args.get("session_id", "")
    try:
        if number is not None:
            payment = settling.come_back_to(context, owner, forms.payment_id(number))
        else:
            payment = checkout_pages.come_back(context, owner, session_id)
    except GatewayUnavailable:
        return result(owner, None)
    return result(owner, payment)


def result(owner: str, payment: Payment | None) -> Response:
    """The page for where ``payment`` stands; ``None`` is: not known yet."""
    state = payment.state if payment else PaymentState.UNKNOWN
    ledger = page.context().ledger
    entry = next(iter(ledger.entries(owner, 1, keys={f"payment:{payment.id}"})), None) if payment else None
    html = page.render(
        "result.html",
        payment=payment,
        state=state,
        balance=ledger.balance(owner),
        entry=entry,
        why=declines.of_payment(payment) if payment else None,
    )
    return page.refreshing(html) if state in WAITING else make_response(html)


def way_back() -> Callable[[int], str]:
    """Makes the address to which a bank's page leads back, by the payment's number: to the result page.

    A call of the API may name a path of its own page.

    :raises UnknownItem: That is no path of this site.
    """
    path = forms.return_path()
    if path is None:
        return lambda payment_id: url_for("prepaid.return", payment=payment_id, _external=True)
    return lambda payment_id: page.with_value(forms.here(path), "payment", str(payment_id))
