"""Quotes: an offer that becomes a subscription or an invoice once it is accepted.

https://docs.stripe.com/api/quotes
"""

from __future__ import annotations

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.billing.invoices import collection
from stripe_emulator.billing.lifecycle import start
from stripe_emulator.checkout.lines import breakdown
from stripe_emulator.checkout.quotes import quote_acceptance, quote_copies, quote_drafts
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest, NotEmulated
from stripe_emulator.core.time import clock, due_work
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import events, objects

register = Register()

KIND = "quote"


#: Days that a quote is good where nobody said otherwise.
GOOD_FOR = 30

#: Every move of a quote.
MOVES = {
    ("draft", "finalize"): "open",
    ("draft", "cancel"): "canceled",
    ("open", "accept"): "accepted",
    ("open", "cancel"): "canceled",
}


@register.post("/v1/quotes")
def create(form: Form) -> Json:
    """https://docs.stripe.com/api/quotes/create"""
    if "from_quote" in form:
        return _copy(form)
    customer = store.named("customer", form["customer"], "customer") if "customer" in form else None
    test_clock = _test_clock(form, customer)
    clock.live_with({"test_clock": test_clock})
    quote = objects.create(
        KIND,
        amount_subtotal=0,
        amount_total=0,
        automatic_tax={"enabled": False, "liability": None, "provider": None, "status": None},
        collection_method=form.get("collection_method", "charge_automatically"),
        computed=quote_drafts.computed([]),
        currency=None,
        customer=customer and customer["id"],
        default_tax_rates=[],
        expires_at=clock.now() + GOOD_FOR * clock.DAY,
        invoice_settings={
            "custom_fields": None,
            "days_until_due": None,
            "description": None,
            "footer": None,
            "issuer": {"type": "self"},
        },
        metadata=form.get("metadata"),
        status="draft",
        status_transitions={"accepted_at": None, "canceled_at": None, "finalized_at": None},
        subscription_data=quote_drafts.subscription_data(form),
        test_clock=test_clock,
        total_details={"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        _lines=[],
        _wanted=[],
    )
    quote_drafts.change(quote, form)
    _created(quote)
    return quote


@register.get("/v1/quotes/{quote}")
def retrieve(form: Form, quote_id: str) -> Json:
    """https://docs.stripe.com/api/quotes/retrieve"""
    return store.get(KIND, quote_id, param="quote")


@register.post("/v1/quotes/{quote}")
def update(form: Form, quote_id: str) -> Json:
    """https://docs.stripe.com/api/quotes/update; only of a draft."""
    quote = _quote(quote_id)
    free = {"expires_at", "metadata"} if quote["status"] == "open" else {"metadata"}
    if quote["status"] != "draft" and form.keys() - free:
        raise InvalidRequest(f"Only drafts can be updated. This quote is {quote['status']}.")
    objects.change(quote, **objects.patch(quote, form, ()))
    quote_drafts.change(quote, form)
    _expire_in_time(quote)
    return quote


@register.get("/v1/quotes")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/quotes/list"""
    return lists.page(KIND, form, url="/v1/quotes", only=("customer", "status", "test_clock"))


@register.post("/v1/quotes/{quote}/finalize")
def finalize(form: Form, quote_id: str) -> Json:
    """https://docs.stripe.com/api/quotes/finalize: number it, and offer it."""
    quote = _quote(quote_id)
    status = _move(quote, "finalize")
    if not quote["_lines"]:
        raise InvalidRequest("A quote needs line items before it can be finalized.", param="line_items")
    if quote["customer"] is None:
        raise InvalidRequest("A quote needs a customer before it can be finalized.", param="customer")
    if "expires_at" in form:
        objects.change(quote, expires_at=quote_drafts.later(form["expires_at"]))
    customer = store.named("customer", quote["customer"], "customer")
    revised = quote_copies.revised(quote)
    transitions = quote["status_transitions"] | {"finalized_at": clock.now()}
    objects.change(
        quote,
        number=quote_copies.number(customer, revised),
        status=status,
        status_transitions=transitions,
    )
    events.emit("quote.finalized", quote)
    _expire_in_time(quote)
    if revised is not None:
        _end(revised, "canceled")
    return quote


@register.post("/v1/quotes/{quote}/accept")
def accept(form: Form, quote_id: str) -> Json:
    """https://docs.stripe.com/api/quotes/accept: begin the subscription, or draft the invoice."""
    quote = _quote(quote_id)
    status = _move(quote, "accept")
    customer = store.named("customer", quote["customer"], "customer")
    due_work.unschedule(quote["id"])
    transitions = quote["status_transitions"] | {"accepted_at": clock.now()}
    objects.change(quote, status=status, status_transitions=transitions)
    if any(line["price"]["recurring"] for line in quote["_lines"]):
        subscription, invoice = start.subscribe(customer, quote_acceptance.subscription_form(quote))
        has_card = collection.default_method(subscription, customer) is not None
        start.collect_first(subscription, invoice, "allow_incomplete" if has_card else "default_incomplete")
        objects.change(quote, subscription=subscription["id"])
    else:
        objects.change(quote, invoice=quote_acceptance.draft_invoice(quote, customer)["id"])
    events.emit("quote.accepted", quote)
    return quote


@register.post("/v1/quotes/{quote}/cancel")
def cancel(form: Form, quote_id: str) -> Json:
    """https://docs.stripe.com/api/quotes/cancel"""
    quote = _quote(quote_id)
    status = _move(quote, "cancel")
    _end(quote, status)
    return quote


@register.get("/v1/quotes/{quote}/line_items")
def list_line_items(form: Form, quote_id: str) -> Json:
    """https://docs.stripe.com/api/quotes/line_items/list"""
    quote = store.get(KIND, quote_id, param="quote")
    return lists.slice_of(quote["_lines"], form, url=f"/v1/quotes/{quote_id}/line_items")


@register.get("/v1/quotes/{quote}/computed_upfront_line_items")
def list_upfront(form: Form, quote_id: str) -> Json:
    """https://docs.stripe.com/api/quotes/line_items/upfront/list: what is due at once."""
    quote = store.get(KIND, quote_id, param="quote")
    return lists.slice_of(quote["_lines"], form, url=f"/v1/quotes/{quote_id}/computed_upfront_line_items")


@register.includable(KIND, "total_details.breakdown")
def breakdown_of(quote: Json) -> Json:
    """What the discounts and the taxes are, shown when asked for."""
    return breakdown.of(quote, quote["_wanted"] or [], [])


@register.includable(KIND, "line_items")
def line_items_of(quote: Json) -> Json:
    """The first lines, shown when asked for."""
    return lists.slice_of(quote["_lines"], {}, url=f"/v1/quotes/{quote['id']}/line_items")


@register.includable(KIND, "computed.upfront.line_items")
def upfront_line_items_of(quote: Json) -> Json:
    """The first lines of what is due at once, shown when asked for."""
    return lists.slice_of(quote["_lines"], {}, url=f"/v1/quotes/{quote['id']}/computed_upfront_line_items")


@register.due("quote.expire")
def expire(quote_id: str) -> None:
    """Nobody accepted it in time."""
    quote = store.get(KIND, quote_id)
    if quote["status"] in ("draft", "open"):
        _end(quote, "canceled")


def _copy(form: Form) -> Json:
    """https://docs.stripe.com/quotes/clone"""
    wanted = form["from_quote"]
    original = store.named(KIND, wanted["quote"], "from_quote[quote]")
    clock.live_with(original)
    expires_at = (
        quote_drafts.later(form["expires_at"]) if "expires_at" in form else clock.now() + GOOD_FOR * clock.DAY
    )
    quote = quote_copies.copy(form, original, expires_at, is_revision=wanted.get("is_revision", False))
    _created(quote)
    return quote


def _created(quote: Json) -> None:
    events.emit("quote.created", quote)
    _expire_in_time(quote)


def _expire_in_time(quote: Json) -> None:
    """A draft expires as well as what was offered. https://docs.stripe.com/quotes/overview"""
    due_work.unschedule(quote["id"], "quote.expire")
    if quote["status"] in ("draft", "open"):
        due_work.schedule(quote["expires_at"], "quote.expire", quote["id"])


def _quote(quote_id: str) -> Json:
    """The quote that the URL names, on its own clock."""
    quote = store.get(KIND, quote_id, param="quote")
    clock.live_with(quote)
    return quote


def _test_clock(form: Form, customer: Json | None) -> str | None:
    """The test clock that a new quote lives on: that of its customer, if it has one.

    :raises NotEmulated: The form wants another one than the customer's.
    """
    wanted = form.get("test_clock")
    if wanted is not None:
        store.named("test_helpers.test_clock", wanted, "test_clock")
    if customer is None:
        return wanted
    own: str | None = customer.get("test_clock")
    if wanted not in (None, own):
        raise NotEmulated("a quote on another test clock than its customer", param="test_clock")
    return own


def _move(quote: Json, verb: str) -> str:
    status = MOVES.get((quote["status"], verb))
    if status is None:
        raise InvalidRequest(f"You cannot {verb} a quote that is {quote['status']}.")
    return status


def _end(quote: Json, status: str) -> None:
    due_work.unschedule(quote["id"])
    transitions = quote["status_transitions"] | {"canceled_at": clock.now()}
    objects.change(quote, status=status, status_transitions=transitions)
    events.emit("quote.canceled", quote)
