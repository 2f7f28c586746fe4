"""The verbs by which a host sells without our pages and gives money back, which ``Prepaid`` has."""

from __future__ import annotations

from ..context import Context
from ..gateway.payments.checkout import WaysBack
from ..payments.models import Payment, Refund
from ..subscriptions import plan_state
from ..subscriptions.plan_state import PlanSummary
from .checkout import host_checkout
from .money_back import host_refunds


class BuyingVerbs:
    """A page of Stripe's to pay on, an owner's plan, and a refund."""

    def plan(self: Context, owner: str) -> PlanSummary | None:
        """The owner's plan: its title, its state and until when it is paid; ``None`` without one."""
        return plan_state.summary(self, owner)

    def checkout(
        self: Context,
        owner: str,
        *,
        pack: str | None = None,
        credits: int | None = None,
        plan: str | None = None,
        quantity: int = 1,
        success_url: str,
        cancel_url: str,
        key: str | None = None,
        keep_card: bool = False,
        currency: str | None = None,
    ) -> str:
        """The address of a page of Stripe's, where ``owner`` can pay for a pack, credits or a plan. Commits.

        Lead the browser there. The credits come by the webhook, whether it comes back or not.
        The page lives for 24 hours.

        :param pack: The slug of a pack.
        :param credits: In place of it, a number of credits, as ``Quantity`` sells them.
        :param plan: In place of both, the slug of a plan, ``quantity`` times over.
        :param success_url: Where the browser goes after paying. Stripe puts the id of its session in place of
            ``{CHECKOUT_SESSION_ID}``.
        :param cancel_url: Where it goes without paying.
        :param key: Names this wish, in up to 255 characters: sent again, it leads to the same page as long as
            that is open, with the addresses of the first call. By default each call opens one.
        :param keep_card: Whether the card that pays is put on file; with a plan it always is.
        :param currency: What is paid in, of a pack or plan that is sold in several; by default the owner's.
        :raises UnknownItem: None or several are named, or the one named is not sold, or not in that currency.
        :raises PlanRefused: The owner has a plan.
        :raises KeyReused: The key has asked for something else.
        :raises TooManyAttempts: This owner, or all together, have tried too often.
        :raises BuyingPaused: Nothing is sold at the moment.
        :raises GatewayRefused: Stripe refuses. Nothing was charged.
        :raises GatewayUnavailable: Stripe did not answer. Nothing was charged.
        :raises ValueError: An address is not absolute, or the key or the owner can be none.
        """
        choice = host_checkout.CheckoutChoice(pack, credits, plan, quantity, currency)
        ways_back = WaysBack(success_url, cancel_url)
        return host_checkout.checkout(self, owner, choice, ways_back=ways_back, key=key, keep_card=keep_card)

    def refund(
        self: Context,
        payment: Payment | int,
        *,
        amount_minor: int | None = None,
        credits: int | None = None,
        charge: str | None = None,
        reason: str,
        key: str | None = None,
    ) -> Refund:
        """Send money of a payment back to its card, and take back the credits that it paid for. Commits.

        :param payment: One of ``payments``, or its ``id``.
        :param amount_minor: How much, in the smallest unit of its currency; by default all not given back.
        :param credits: In place of it, so many credits' worth, rounded down.
        :param charge: Where several charges have paid its invoice: the PaymentIntent of the one that gives it
            back, such as the one that ``fraud_warned`` names. By default all do, the first first.
        :param reason: Why; it stays on the record.
        :param key: Names this refund of the payment: sent again, it is made once. By default each call makes
            one.
        :raises NothingToReverse: The payment is not paid, or less than that is left of it.
        :raises KeyReused: The key has asked for another amount, or of another charge.
        :raises GatewayRefused: Stripe refuses. Nothing was sent.
        :raises GatewayUnavailable: It is not known yet; ``tick`` finds out. Do not ask again.
        :raises ValueError: Both an amount and credits are named, or one of all these can be none.
        """
        return host_refunds.refund(
            self, payment, amount_minor, credits, charge=charge, reason=reason, key=key
        )
