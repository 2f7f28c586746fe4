"""What a host's code does in place of a form: sell, refund, read payments, adopt a customer."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.orm import undefer

from prepaid_ledger import check_owner, is_whole
from prepaid_ledger.errors import NothingToReverse

from .. import checks, money
from ..context import Context, reading, refuse_uncommitted
from ..errors import UnknownItem
from ..gateway.subscription_values import Page
from ..gateway.values import Checkout
from ..languages import units
from ..payments import payments, wishes
from ..payments.customers import making
from ..payments.models import Payment, Refund
from ..subscriptions import currencies, subscribing
from . import cards, checkout_pages, earlier, refunds

#: The most payments that are read at once.
MAX_READ = 1_000

#: The most characters of a host's key for a sale or a refund.
MAX_KEY = 255

#: What the id of a customer can be at Stripe: an older account may have chosen it.
CUSTOMER_ID = re.compile(r"[A-Za-z0-9_.@-]{1,255}")


@dataclass(frozen=True)
class Wish:
    """One thing that is for sale: a pack, a number of credits, or a plan so many times over."""

    pack: str | None
    credits: int | None
    plan: str | None
    quantity: int
    currency: str | None = None


def payments_of(context: Context, owner: str, limit: int, *, before: int | None = None) -> list[Payment]:
    """The owner's last payments with ``shown_state``, newest first; of those before the id ``before``.

    :raises ValueError: The limit is not from 1 to 1,000, or no such owner can be.
    """
    check_owner(owner)
    if not is_whole(limit, 1, MAX_READ):
        raise ValueError(f"limit is {limit!r}. Write a whole number from 1 to {MAX_READ:,}.")
    with_state = select(Payment).options(undefer(Payment.shown_state))
    wanted = with_state.where(Payment.owner == owner).order_by(Payment.id.desc())
    if before is not None:
        wanted = wanted.where(Payment.id < before)
    fresh = wanted.limit(limit).execution_options(populate_existing=True)
    return list(context.session.scalars(fresh))


def checkout(
    context: Context,
    owner: str,
    wish: Wish,
    *,
    success_url: str,
    cancel_url: str,
    key: str | None,
    keep_card: bool,
) -> str:
    """The address of a page of Stripe's where the owner can pay for the wish. Commits."""
    for name, url in (("success_url", success_url), ("cancel_url", cancel_url)):
        if not is_absolute(url):
            raise ValueError(
                f"{name} is {url!r}. Write the whole address, such as https://shop.example/paid."
            )
    if sum(choice is not None for choice in (wish.pack, wish.credits, wish.plan)) != 1:
        raise UnknownItem("Choose a pack, a number of credits or a plan, one of the three.", field="pack")
    where: dict[str, Any] = {"success_url": success_url, "cancel_url": cancel_url}
    where["attempt"] = _of_verb(key)
    if key is not None:
        where["sent_digest"] = wishes.digest({**asdict(wish), "keep_card": keep_card})
    check_owner(owner)
    refuse_uncommitted(context)
    opened = _opened_before(context, owner, wish, where["attempt"], where.get("sent_digest"))
    if opened is not None:
        return _address(opened, success_url)
    _check_currency(context, wish)
    with reading(context):
        currency = wish.currency or currencies.of(context, owner)
    if wish.plan is not None:
        plan = context.catalog.plan(wish.plan).sold_in(currency)
        return _address(
            subscribing.open_page(context, owner, plan, quantity=wish.quantity, **where), success_url
        )
    if wish.quantity != 1:
        raise UnknownItem("Only a plan is taken several times over.", field="quantity")
    offer = context.catalog.offer(pack=wish.pack, credits=wish.credits, currency=currency)
    opened = checkout_pages.open_checkout(context, owner, offer, keep_card=keep_card, **where)
    return _address(opened, success_url)


def _opened_before(
    context: Context, owner: str, wish: Wish, attempt: str | None, sent_digest: str | None
) -> Checkout | Page | None:
    """The page that the key has opened before, whether what it sells is still on the price list or not."""
    if wish.plan is not None:
        return subscribing.page_before(context, owner, attempt, sent_digest)
    return earlier.page(context, owner, attempt, sent_digest=sent_digest)[1]


def _address(page: Checkout | Page, success_url: str) -> str:
    """Where the browser is led: to the page, or where a page leads that was paid already."""
    return page.url or success_url.replace("{CHECKOUT_SESSION_ID}", page.id)


def _check_currency(context: Context, wish: Wish) -> None:
    """
    :raises UnknownItem: A currency is named in which the pack or the plan is not sold.
    """
    if wish.currency is None or wish.credits is not None:
        return
    catalog = context.catalog
    item = catalog.plan(wish.plan) if wish.plan is not None else catalog.packs.get(str(wish.pack))
    if item is None:
        return  # the offer says so
    sold_in = item.prices or {item.currency: item.amount_minor}
    if wish.currency not in sold_in:
        raise UnknownItem(f"It is sold in {', '.join(sold_in)}, not in {wish.currency!r}.", field="currency")


def _of_verb(key: object) -> str | None:
    """The host's key, as the name of a wish that no form and no job can have.

    :raises ValueError: It is no text of 1 to 255 characters that can be printed.
    """
    if key is None:
        return None
    if not isinstance(key, str) or not 1 <= len(key) <= MAX_KEY or not key.isprintable():
        raise ValueError(f"key is {key!r:.60}. Write a text of 1 to {MAX_KEY} characters, or leave it out.")
    return f"verb:{key}"


def is_absolute(url: object) -> bool:
    """Whether a browser can be sent there from anywhere."""
    if not isinstance(url, str) or re.search(r"[\s\0-\x1f\x7f]", url):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def refund(
    context: Context,
    payment: Payment | int,
    amount_minor: int | None,
    credits: int | None,
    *,
    reason: str,
    key: str | None,
) -> Refund:
    """Send money of a payment back to its card: an amount, or what so many credits cost. Commits."""
    if amount_minor is not None and credits is not None:
        raise ValueError("Name amount_minor or credits, one of the two.")
    for name, number in (("amount_minor", amount_minor), ("credits", credits)):
        if number is not None and not is_whole(number, 1, checks.MAX_ID):
            raise ValueError(f"{name} is {number!r}. Write a whole number from 1 on.")
    if reason is None or not checks.words("reason", reason).strip():
        raise ValueError("reason is empty. Write why money goes back; it stays on the record.")
    wish = _of_verb(key)
    refuse_uncommitted(context)
    payment_id = payment.id if isinstance(payment, Payment) else payment
    if not is_whole(payment_id, 1, checks.MAX_ID):
        raise ValueError(
            f"payment is {payment!r}. Give one of prepaid.payments(owner), or its id, a whole number."
        )
    if credits is not None:
        amount_minor = _worth_minor(context, payment_id, credits)
    return refunds.refund(context, payment_id, amount_minor=amount_minor, reason=reason, key=wish)


def _worth_minor(context: Context, payment_id: int, credits: int) -> int:
    """What so many credits of a payment cost, rounded down to what Stripe takes.

    :raises NothingToReverse: There is no such payment, or it brought fewer; or they cost nothing.
    """
    payment = refunds.payment_of(context.session, payment_id)
    if credits > payment.credits:
        bought = units.credits(payment.credits)
        raise NothingToReverse(f"Payment {payment_id} brought {bought}, not {units.number(credits)}.")
    step = money.step(payment.currency)
    worth = payments.cost_minor(payment) * credits // payment.credits // step * step
    if not worth:
        raise NothingToReverse(f"{units.credits(credits)} of payment {payment_id} cost nothing.")
    return worth


def adopt_customer(context: Context, owner: str, customer_id: str) -> None:
    """Let a customer whom Stripe has already stand for the owner, with the saved cards. Commits."""
    check_owner(owner)
    if not isinstance(customer_id, str) or not CUSTOMER_ID.fullmatch(customer_id):
        raise ValueError(
            f"customer_id is {customer_id!r:.60}. Write the id of a customer at Stripe, such as cus_1Nk2..."
        )
    refuse_uncommitted(context)
    if not context.gateway.customers.exists(customer_id):
        raise UnknownItem(f"Stripe has no customer {customer_id!r}.", field="customer_id")
    making.adopt(context, owner, customer_id)
    context.gateway.customers.name_owner(customer_id, owner)
    cards.refresh(context, customer_id)
