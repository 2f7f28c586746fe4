"""A host's code sells in place of a form: it gets the address of a page of Stripe's."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit

from prepaid_ledger import check_owner

from ...context import Context, reading, refuse_uncommitted
from ...errors import UnknownItem
from ...gateway.billing.subscription_values import Page
from ...gateway.payments.checkout import WaysBack
from ...gateway.values import Checkout
from ...payments import wishes
from ...payments.wishes import NAMELESS, Wish
from ...subscriptions import currencies
from ...subscriptions.beginning import beginnings, subscribing
from ...subscriptions.beginning.beginnings import PlanChoice
from . import checkout_pages, earlier_pages


@dataclass(frozen=True)
class CheckoutChoice:
    """One thing that is for sale: a pack, a number of credits, or a plan so many times over."""

    pack: str | None
    credits: int | None
    plan: str | None
    quantity: int
    currency: str | None = None


def checkout(
    context: Context,
    owner: str,
    choice: CheckoutChoice,
    *,
    ways_back: WaysBack,
    key: str | None,
    keep_card: bool,
) -> str:
    """The address of a page of Stripe's where the owner can pay for what is chosen. Commits."""
    success_url = ways_back.success_url
    for name, url in asdict(ways_back).items():
        if not is_absolute(url):
            raise ValueError(
                f"{name} is {url!r}. Write the whole address, such as https://shop.example/paid."
            )
    if sum(named is not None for named in (choice.pack, choice.credits, choice.plan)) != 1:
        raise UnknownItem("Choose a pack, a number of credits or a plan, one of the three.", field="pack")
    wish = NAMELESS
    if key is not None:
        wish = Wish(wishes.of_verb(key), wishes.digest({**asdict(choice), "keep_card": keep_card}))
    check_owner(owner)
    refuse_uncommitted(context)
    opened = _opened_before(context, owner, choice, wish)
    if opened is not None:
        return _address(opened, success_url)
    _check_currency(context, choice)
    with reading(context):
        currency = choice.currency or currencies.of(context, owner)
    if choice.plan is not None:
        chosen = PlanChoice(context.catalog.plan(choice.plan).sold_in(currency), choice.quantity)
        page = subscribing.open_page(context, owner, chosen, ways_back=ways_back, wish=wish)
        return _address(page, success_url)
    if choice.quantity != 1:
        raise UnknownItem("Only a plan is taken several times over.", field="quantity")
    offer = context.catalog.offer(pack=choice.pack, credits=choice.credits, currency=currency)
    opened = checkout_pages.open_checkout(
        context,
        owner,
        offer,
        ways_back=ways_back,
        wish=wish,
        keep_card=keep_card,
    )
    return _address(opened, success_url)


def _opened_before(
    context: Context, owner: str, choice: CheckoutChoice, wish: Wish
) -> Checkout | Page | None:
    """The page that the key has opened before, whether what it sells is still on the price list or not."""
    if choice.plan is not None:
        return beginnings.page_before(context, owner, wish)
    return earlier_pages.page(context, owner, wish)[1]


def _address(page: Checkout | Page, success_url: str) -> str:
    """Where the browser is led: to the page, or where a page leads that was paid already."""
    return page.url or success_url.replace("{CHECKOUT_SESSION_ID}", page.id)


def _check_currency(context: Context, choice: CheckoutChoice) -> None:
    """
    :raises UnknownItem: A currency is named in which the pack or the plan is not sold.
    """
    if choice.currency is None or choice.credits is not None:
        return
    catalog = context.catalog
    item = catalog.plan(choice.plan) if choice.plan is not None else catalog.packs.get(str(choice.pack))
    if item is None:
        return  # the offer says so
    sold_in = item.prices or {item.currency: item.amount_minor}
    if choice.currency not in sold_in:
        raise UnknownItem(
            f"It is sold in {', '.join(sold_in)}, not in {choice.currency!r}.", field="currency"
        )


def is_absolute(url: object) -> bool:
    """Whether a browser can be sent there from anywhere."""
    if not isinstance(url, str) or re.search(r"[\s\0-\x1f\x7f]", url):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)
