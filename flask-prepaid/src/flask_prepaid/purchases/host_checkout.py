"""A host's code sells in place of a form: it gets the address of a page of Stripe's."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from prepaid_ledger import check_owner

from ..context import Context, reading, refuse_uncommitted
from ..errors import UnknownItem
from ..gateway.billing.subscription_values import Page
from ..gateway.values import Checkout
from ..payments import wishes
from ..subscriptions import currencies
from ..subscriptions.beginning import beginnings, subscribing
from . import checkout_pages, earlier


@dataclass(frozen=True)
class Wish:
    """One thing that is for sale: a pack, a number of credits, or a plan so many times over."""

    pack: str | None
    credits: int | None
    plan: str | None
    quantity: int
    currency: str | None = None


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
    where["attempt"] = wishes.of_verb(key)
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
        return beginnings.page_before(context, owner, attempt, sent_digest)
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


def is_absolute(url: object) -> bool:
    """Whether a browser can be sent there from anywhere."""
    if not isinstance(url, str) or re.search(r"[\s\0-\x1f\x7f]", url):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)
