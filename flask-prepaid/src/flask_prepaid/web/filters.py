"""What templates can say beside Jinja's own: filters, tests and names that begin with ``prepaid_``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, pass_context
from jinja2.runtime import Context as Page
from markupsafe import Markup

from ..catalog import Offer, Pack, Plan
from ..gateway import dashboard
from ..languages import formats, units
from ..languages.choice import current
from ..languages.words import gettext, gettext_in_page, marked, ngettext_in_page
from ..payments.customers.models import SavedCard
from ..payments.models import Payment
from ..purchases.saved_cards import cards_on_file
from ..subscriptions import plan_state
from ..subscriptions.models import PlanPrice, State, Subscription
from . import causes
from .page import context, home, pays
from .pages import credits_kept, payment_states
from .pages.banners import banners
from .visitors import spenders

#: The words of a plan's state.
STATES = {
    State.ACTIVE: marked("Active"),
    State.TRIALING: marked("Free trial"),
    State.PAST_DUE: marked("Past due"),
    State.UNPAID: marked("Unpaid"),
    State.INCOMPLETE: marked("Incomplete"),
    State.PAUSED: marked("Paused"),
}


def add_to(environment: Environment) -> None:
    """Put them into the environment of an app's templates."""
    environment.filters |= {name: for_reader(write) for name, write in FILTERS.items()}
    environment.tests |= {
        "prepaid_past": is_past,
        "prepaid_ending": is_ending,
        "prepaid_paid": is_paid,
        "prepaid_month_past": is_month_past,
        "prepaid_expired": has_expired,
        "prepaid_expiring": expires_soon,
    }
    environment.globals["prepaid_text"] = gettext_in_page
    environment.globals["prepaid_plural"] = ngettext_in_page
    environment.globals["prepaid_language"] = current
    environment.globals["prepaid_banners"] = banners
    environment.globals["prepaid_context"] = context
    environment.globals["prepaid_home"] = home
    environment.globals["prepaid_pays"] = pays


def for_reader(write: Callable[..., Any]) -> Callable[..., Any]:
    """A filter that knows of a reader: else ``2 | prepaid_unit`` is written once for all of them."""
    if hasattr(write, "jinja_pass_arg"):
        return write

    @pass_context
    def written(_page: Page, *given: Any, **named: Any) -> Any:
        return write(*given, **named)

    return written


def at_stripe(stripe_id: str) -> str | None:
    """Where an operator sees an object at Stripe."""
    return dashboard.page_of(context().config, stripe_id)


def card(card: SavedCard) -> str:
    """A card in two words: ``Visa 4242``."""
    return f"{card.brand.capitalize()} {card.last4}"


def ending(row: SavedCard | Payment) -> str:
    """A card in a sentence: ``Visa ending in 4242``."""
    return formats.card(row.brand, row.last4)


def is_past(at: datetime | None) -> bool:
    """Whether a time has passed, by the shop's clock: what was to happen then is no more to come."""
    return at is not None and at <= context().clock()


def is_ending(plan: Subscription) -> bool:
    """Whether a plan runs, and no further than a day to come."""
    return plan_state.is_ending(context(), plan.state, plan.cancel_at)


def is_paid(plan: Subscription) -> bool:
    """Whether a plan runs in a period that is paid."""
    return plan_state.is_paid(context(), plan)


def is_month_past(month: int, year: int) -> bool:
    """Whether a card with this date on it has expired."""
    return cards_on_file.months_left(month, year, context().clock()) < 0


def has_expired(card: SavedCard) -> bool:
    return cards_on_file.has_expired(card, context().clock())


def expires_soon(card: SavedCard) -> bool:
    """Whether a card has expired, or expires this month or the next."""
    return cards_on_file.expires_soon(card, context().clock())


def title(item: Pack | Plan | Offer | PlanPrice | Payment) -> str:
    """What is sold, or was bought, in the reader's language."""
    return formats.title(item.title)


def billed(plan: Plan | PlanPrice) -> str:
    """How often a plan is paid: ``a month`` or ``every 3 months``."""
    return formats.every(plan.interval, plan.interval_count)


def given(plan: Plan | PlanPrice) -> str:
    """How often a plan's credits come."""
    return formats.every("month", 1) if plan.parts > 1 else billed(plan)


def state(state: State) -> str:
    """The state of a plan, in a word or two."""
    return gettext(STATES.get(state, str(state)))


@pass_context
def day(page: Page, at: datetime) -> str:
    """A day as people write it, ``23 November 2026``; in HTML for programs too, in a text plainly.

    It is that of UTC on pages, and that of the reader's zone in mails.
    """
    at = at.astimezone(_zone(page)) if "prepaid_zone" in page else at
    return _dated(page, at, formats.day(at))


@pass_context
def short_day(page: Page, at: datetime) -> str:
    """A day in a table, ``23 Nov 2026``, as ``day`` gives it."""
    return _dated(page, at, formats.short_day(at))


def _dated(page: Page, at: datetime, written: str) -> str:
    if not page.eval_ctx.autoescape:  # a mail's .txt would show the tags
        return written
    return Markup('<time datetime="{:%Y-%m-%d}">{}</time>').format(at, written)


@pass_context
def minute(page: Page, at: datetime) -> str:
    """A time to the minute for a text, by the clocks of the reader's zone, which it names."""
    return formats.moment(at, _zone(page))


def _zone(page: Page) -> ZoneInfo:
    """The zone of a mail's reader; that of pages is UTC."""
    return ZoneInfo(page.get("prepaid_zone", "UTC"))


#: What templates call them.
FILTERS: dict[str, Callable[..., Any]] = {
    "prepaid_money": formats.amount,
    "prepaid_each": formats.each,
    "prepaid_credits": formats.credits,
    "prepaid_number": formats.number,
    "prepaid_unit": formats.unit,
    "prepaid_plural_of": formats.plural_of,
    "prepaid_title": title,
    "prepaid_titled": formats.title,
    "prepaid_every": partial(formats.every, count=1),
    "prepaid_times": formats.times,
    "prepaid_billed": billed,
    "prepaid_given": given,
    "prepaid_state": state,
    "prepaid_payment_states": payment_states.in_words,
    "prepaid_kept_credits": credits_kept.of_each,
    "prepaid_invoice_state": payment_states.of_invoice,
    "prepaid_taken_back": causes.taken_back,
    "prepaid_reason": causes.reason,
    "prepaid_plain": units.plain,
    "prepaid_date": day,
    "prepaid_short_date": short_day,
    "prepaid_time": minute,
    "prepaid_short_moment": formats.short_moment,
    "prepaid_card": card,
    "prepaid_member": spenders.member,
    "prepaid_ending": ending,
    "prepaid_translated": gettext,
    "prepaid_at_stripe": at_stripe,
}
