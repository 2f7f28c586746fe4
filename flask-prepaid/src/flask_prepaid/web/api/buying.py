"""Buy on Stripe's page, by Stripe's elements, or with a card on file; and ask what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import request, url_for

from ... import money
from ...catalog import Catalog, Offer, Quantity
from ...errors import UnknownItem
from ...gateway.billing.subscription_values import Page
from ...gateway.values import Checkout, NextStep
from ...languages import units
from ...payments import models, shown_states, tax_rates
from ...payments.shown_states import RefundSums, ShownState
from ...purchases import charging, customer_verbs, own_payments
from ...purchases.checkout import checkout_pages
from ...subscriptions import currencies
from ...subscriptions.beginning import trials
from .. import as_shown, forms, page
from ..pages import codes, declines
from ..pages.buying import paying, shelf
from ..pages.buying.chosen_offer import buyers_currency, chosen_card, chosen_offer
from . import shapes, wallet
from .shapes import OpenedAnswer, PaymentAnswer


def prices(owner: str) -> shapes.PricesAnswer:
    """Packs, numbers of credits and plans, at this customer's prices."""
    context, currency = page.context(), buyers_currency(owner)
    binding = currencies.binding(context, owner)
    packs = [pack.sold_in(currency) for pack in context.catalog.packs.values()]
    return shapes.PricesAnswer(
        currency,
        [] if currencies.bound_to(context.session, owner) else context.catalog.currencies,
        [
            shapes.PackPrice(
                pack.slug,
                pack.title,
                units.plain(pack.total_credits),
                pack.amount_minor,
                pack.currency,
                money.show(pack.amount_minor, pack.currency),
            )
            for pack in packs
            if binding in (None, pack.currency)
        ],
        numbers_for_sale(shelf.quantity_in(binding)),
        plans_for_sale(context.catalog, owner, currency),
    )


def numbers_for_sale(sold: Quantity | None) -> shapes.QuantityPrice | None:
    return shapes.QuantityPrice(sold.min_credits, sold.max_credits, sold.currency) if sold else None


def plans_for_sale(catalog: Catalog, owner: str, currency: str) -> list[shapes.PlanOffer]:
    tried = bool(catalog.plans) and trials.had_trial(page.context(), owner)
    return [
        shapes.PlanOffer(
            plan.slug,
            plan.title,
            units.plain(plan.credits),
            plan.given,
            plan.amount_minor,
            plan.currency,
            money.show(plan.amount_minor, plan.currency),
            plan.billed,
            0 if tried else plan.trial_days,
            plan.max_quantity,
        )
        for plan in (listed.sold_in(currency) for listed in catalog.plans.values())
    ]


def total(owner: str) -> shapes.TotalAnswer:
    """What a number of credits costs, for a live total."""
    context = page.context()
    offer = context.catalog.offer(credits=forms.whole_number(request.args, "credits"))
    with_tax = tax_rates.with_tax(offer.amount_minor, tax_rates.last(context, owner), offer.currency)
    shown = money.show(offer.amount_minor, offer.currency)
    return shapes.TotalAnswer(offer.amount_minor, offer.currency, shown, with_tax)


def checkout(owner: str) -> OpenedAnswer:
    """Open Stripe's page for a pack or a number of credits. The credits come by the webhook."""
    if (earlier := paying.opened_before(owner)) is not None:
        return opened(earlier)
    offer = chosen_offer()
    cancel_url = None if elements_wanted() else cancel("prepaid.buy")
    return opened(paying.open_checkout(owner, offer, cancel_url=cancel_url, success_url=forms.return_url()))


def elements_wanted() -> bool:
    """Whether Stripe's elements are wanted, on a page of the host's.

    :raises UnknownItem: Stripe Tax asks for an address, which is asked for on Stripe's page alone.
    """
    wanted = bool(forms.sent().get("elements"))
    if wanted and page.context().config.automatic_tax:
        raise UnknownItem(
            "With Stripe Tax, Stripe's page asks for the address. Lead there.", field="elements"
        )
    return wanted


def cancel(endpoint: str) -> str:
    """Where Stripe's page leads who does not pay: back to the page that asked, or to ours."""
    path = forms.return_path()
    return forms.here(path) if path else url_for(endpoint, _external=True)


def opened(session: Checkout | Page) -> OpenedAnswer:
    """The page of Stripe's, or the session for its elements, that a call has opened."""
    return OpenedAnswer(session.id, session.url, session.client_secret)


def checkout_result(owner: str, session_id: str) -> PaymentAnswer:
    """What came of a page of Stripe's. It settles, as the return page does."""
    payment = checkout_pages.come_back(page.context(), owner, session_id)
    return answer(owner, payment, None)


def charge(owner: str) -> PaymentAnswer:
    """Buy with a card on file. Where the bank wants to see its customer, next_action says how."""
    shown = as_shown.max_minor()
    charged = paying.charged_before(owner, lambda _payment: shown)
    if charged is None:
        offer = chosen_offer()
        charged = paying.charge_card(owner, offer, require_card(offer), max_minor=shown)
    return answer(owner, *charged)


def require_card(offer: Offer) -> str:
    """
    :raises UnknownItem: The offer costs nothing, and no card is charged for it.
    """
    card_id = chosen_card(offer)
    if card_id is None:
        raise UnknownItem("This costs nothing: get it by checkout.", field="pack")
    return card_id


def payments(owner: str) -> shapes.PaymentsAnswer:
    """All purchases, whatever came of them, the newest first."""
    limit, text = wallet.limit_asked(), request.args.get("cursor")
    before = None if text is None else forms.row_id(text)
    if text is not None and before is None:
        raise wallet.no_cursor()
    rows = customer_verbs.payments_of(page.context(), owner, limit + 1, before=before)
    more = len(rows) > limit
    return shapes.PaymentsAnswer(shown(rows[:limit]), str(rows[limit - 1].id) if more else None)


def payment(owner: str, payment_id: str) -> PaymentAnswer:
    """One purchase. While it is not final, Stripe is asked what came of it.

    Where an open one goes on, its resume says.
    """
    row = own_payments.come_back_to(page.context(), owner, forms.payment_id(payment_id))
    return answer(owner, row, None)


def resume_payment(owner: str, payment_id: str) -> PaymentAnswer:
    """Go on with a payment that waits for its customer: at the bank, or at Checkout. It pays once."""
    number = forms.payment_id(payment_id)
    row, step = charging.resume(page.context(), owner, number, return_url=paying.way_back()(number))
    return answer(owner, row, step)


def redeem(owner: str) -> shapes.RedeemedAnswer:
    """Redeem a code that gives credits."""
    claim = codes.redeem_code(owner)
    return shapes.RedeemedAnswer(units.plain(claim.credits), wallet.balance_of(owner))


def answer(owner: str, payment: models.Payment, step: NextStep | None) -> PaymentAnswer:
    action = shapes.NextAction(step.url, step.client_secret) if step else None
    return PaymentAnswer(shown([payment])[0], action, wallet.balance_of(owner))


def shown(rows: Sequence[models.Payment]) -> list[shapes.Payment]:
    session = page.context().session
    states, refunded = shown_states.of_each(session, rows), shown_states.refunded_of_each(session, rows)
    return [shown_one(row, states[row.id], refunded[row.id]) for row in rows]


def shown_one(row: models.Payment, state: ShownState, refunded: RefundSums) -> shapes.Payment:
    word: Any = state.value
    return shapes.Payment(
        id=row.id,
        state=word,
        title=row.title,
        credits=units.plain(row.credits),
        amount_minor=row.amount_minor,
        paid_minor=row.paid_minor,
        refunded_minor=refunded.done_minor,
        refund_under_way_minor=refunded.under_way_minor,
        tax_minor=row.tax_minor,
        currency=row.currency,
        card=f"{(row.brand or 'card').capitalize()} {row.last4}" if row.last4 else None,
        receipt_url=row.receipt_url if row.paid_at else None,
        failure=declines.of_payment(row),
        created_at=row.created_at,
        paid_at=row.paid_at,
    )
