"""Quotes: an offer that becomes a subscription or an invoice once it is accepted.

https://docs.stripe.com/api/quotes
"""

from __future__ import annotations

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.billing import (
    automatic_tax,
    collection,
    drafts,
    invoiceitems,
    items,
    start,
    terms,
    usage,
)
from stripe_emulator.billing import lines as invoice_lines
from stripe_emulator.catalog import discounts, totals
from stripe_emulator.checkout import breakdown, line_items, quote_copies, tax
from stripe_emulator.core import clock, clocks, due_work, ids, periods, store
from stripe_emulator.core.errors import InvalidRequest, NotEmulated
from stripe_emulator.core.types import Json, copied
from stripe_emulator.core.wire import Form
from stripe_emulator.events import events, objects

register = Register()

KIND = "quote"

#: Parameters that are kept as they come; "" empties them.
KEPT = ("description", "expires_at", "footer", "header")

#: Parameters that promise more than is done here.
NOT_YET = (
    "application_fee_amount",
    "application_fee_percent",
    "customer_account",
    "on_behalf_of",
    "transfer_data",
)

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
    clocks.enter({"test_clock": test_clock})
    quote = objects.create(
        KIND,
        amount_subtotal=0,
        amount_total=0,
        automatic_tax={"enabled": False, "liability": None, "provider": None, "status": None},
        collection_method=form.get("collection_method", "charge_automatically"),
        computed=_computed([]),
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
        subscription_data=_subscription_data(form),
        test_clock=test_clock,
        total_details={"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        _lines=[],
        _wanted=[],
    )
    _change(quote, form)
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
    _change(quote, form)
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
        objects.change(quote, expires_at=_later(form["expires_at"]))
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
        subscription, invoice = start.subscribe(customer, _subscription_form(quote))
        has_card = collection.default_method(subscription, customer) is not None
        start.collect_first(subscription, invoice, "allow_incomplete" if has_card else "default_incomplete")
        objects.change(quote, subscription=subscription["id"])
    else:
        objects.change(quote, invoice=_invoice(quote, customer)["id"])
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
    clocks.enter(original)
    expires_at = _later(form["expires_at"]) if "expires_at" in form else clock.now() + GOOD_FOR * clock.DAY
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
    clocks.enter(quote)
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


def _belongs_to(quote: Json, customer_id: str) -> str:
    """The customer that a draft gets, once and for all.

    :raises InvalidRequest: It has another one.
    :raises NotEmulated: The customer lives on another test clock than the quote.
    """
    customer = store.named("customer", customer_id, "customer")
    if quote["customer"] not in (None, customer_id):
        raise InvalidRequest("You cannot change the customer of a quote once it is set.", param="customer")
    if customer.get("test_clock") != quote["test_clock"]:
        raise NotEmulated("a quote on another test clock than its customer", param="customer")
    return customer_id


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


def _change(quote: Json, form: Form) -> None:
    """Give a draft what a form says, and add it up."""
    for name in NOT_YET:
        if form.get(name):
            raise NotEmulated(f"quotes with {name}", param=name)
    if automatic_tax.is_wanted(form):
        raise NotEmulated("quotes with automatic_tax", param="automatic_tax")
    changes = _kept(quote, form)
    if "invoice_settings" in form:
        given = {key: value or None for key, value in form["invoice_settings"].items()}
        changes["invoice_settings"] = quote["invoice_settings"] | given
    if "subscription_data" in form:
        mode = {"billing_mode": quote["subscription_data"]["billing_mode"]}  # only a creation chooses
        changes["subscription_data"] = _subscription_data(form) | mode
    if "default_tax_rates" in form:
        held = items.agreed_rates(quote["default_tax_rates"] or [])
        rates = items.tax_rates(form["default_tax_rates"], "default_tax_rates", held)
        changes["default_tax_rates"] = [rate["id"] for rate in rates]
    if "discounts" in form:
        changes["_wanted"] = _checked_discounts(form["discounts"] or [])
    if "line_items" in form:
        changes["_lines"] = _lines(quote, form["line_items"])
        changes["currency"] = changes["_lines"][0]["currency"] if changes["_lines"] else None
    objects.change(quote, **changes)
    _add_up(quote)


def _kept(quote: Json, form: Form) -> Json:
    changes = objects.patch(quote, form, KEPT)
    if "expires_at" in form:
        changes["expires_at"] = _later(form["expires_at"])
    if "collection_method" in form:
        changes["collection_method"] = form["collection_method"]
    if "customer" in form:
        changes["customer"] = _belongs_to(quote, form["customer"])
    return changes


def _lines(quote: Json, wanted: list[Form]) -> list[Json]:
    for number, form in enumerate(wanted):
        if form.get("discounts"):
            raise NotEmulated("discounts of a quote's line", param=f"line_items[{number}][discounts]")
    lines = line_items.revise(quote["_lines"], [_counted(form) for form in wanted])
    for line in lines:
        line["discounts"] = []
    if len({line["currency"] for line in lines}) > 1:
        raise InvalidRequest("All lines must have the same currency.", param="line_items")
    items.check_mode(_recurring(lines), quote["subscription_data"]["billing_mode"], "line_items")
    return lines


def _counted(form: Form) -> Form:
    """A line that says no number keeps its own, or is one; what is counted as it is used has none."""
    price = store.find("price", form.get("price", ""))
    if "id" in form or (price is not None and usage.is_metered(price)):
        return form
    return {"quantity": 1, **form}


def _add_up(quote: Json) -> None:
    """Take the discounts off, put the taxes on, and sum up what is due at once and each period."""
    lines = quote["_lines"]
    for line in lines:
        line |= {"amount_discount": 0, "amount_tax": 0, "amount_total": line["amount_subtotal"], "_cuts": []}
    for form in quote["_wanted"]:
        for line in lines:
            line["_cuts"].append(0)
        cut = discounts.cut(_coupon(form), quote["currency"] or "usd")
        if cut is None:
            continue
        parts = totals.discounted([line["amount_total"] for line in lines], cut)
        for line, part in zip(lines, parts, strict=True):
            line["_cuts"][-1] = part
            line["amount_discount"] += part
            line["amount_total"] -= part
    tax.add({"customer": quote["customer"], "_lines": lines, "_tax_rates": quote["default_tax_rates"] or []})
    upfront = _sums(lines)
    objects.change(
        quote,
        **{key: upfront[key] for key in ("amount_subtotal", "amount_total", "total_details")},
        computed=_computed(lines),
        _lines=lines,
    )


def _sums(lines: list[Json]) -> Json:
    return {key: copied(value) for key, value in line_items.totals(lines).items()}


def _recurring(lines: list[Json]) -> list[Json]:
    return [line for line in lines if line["price"]["recurring"]]


def _computed(lines: list[Json]) -> Json:
    """What is due at once and each period. Lines of several intervals have no period in common."""
    recurring = _recurring(lines)
    intervals = {periods.of_price(line["price"]) for line in recurring}
    if len(intervals) != 1:
        return {"recurring": None, "upfront": _sums(lines)}
    (every,) = intervals
    each = {"interval": every.unit, "interval_count": every.count, **_sums(recurring)}
    return {"recurring": each, "upfront": _sums(lines)}


def _subscription_data(form: Form) -> Json:
    given = form.get("subscription_data") or {}
    effective = given.get("effective_date")
    if effective not in (None, ""):
        raise NotEmulated("quotes with an effective_date", param="subscription_data[effective_date]")
    return {
        "billing_mode": {key: value for key, value in terms.billing_mode(given).items() if value},
        "description": given.get("description"),
        "effective_date": None,
        "metadata": objects.merged({}, given.get("metadata")),
        "trial_period_days": given.get("trial_period_days") or None,
    }


def _checked_discounts(forms: list[Json]) -> list[Json]:
    for number, form in enumerate(forms):
        if "discount" in form:
            raise NotEmulated(
                "a quote with a discount of its customer", param=f"discounts[{number}][discount]"
            )
        if "promotion_code" in form:
            discounts.usable_code(form["promotion_code"], None, f"discounts[{number}][promotion_code]")
        else:
            discounts.usable_coupon(form.get("coupon", ""), f"discounts[{number}][coupon]")
    return forms


def _coupon(form: Json) -> Json:
    if "promotion_code" in form:
        code = store.get("promotion_code", form["promotion_code"])
        return store.get("coupon", code["promotion"]["coupon"])
    return store.get("coupon", form["coupon"])


def _later(moment: int) -> int:
    if clocks.check(moment, "expires_at") <= clock.now():
        raise InvalidRequest("expires_at must be in the future.", param="expires_at")
    return moment


def _subscription_form(quote: Json) -> Json:
    """The quote as a request for a subscription; what is paid once goes on its first invoice."""
    data = quote["subscription_data"]
    form: Json = {key: data[key] for key in ("billing_mode", "description", "metadata") if data[key]}
    if data["trial_period_days"]:
        form["trial_period_days"] = data["trial_period_days"]
    once = [line for line in quote["_lines"] if not line["price"]["recurring"]]
    form |= {
        "add_invoice_items": [_item(line) for line in once],
        "collection_method": quote["collection_method"],
        "default_tax_rates": items.agreed_rates(quote["default_tax_rates"] or []),
        "discounts": quote["_wanted"],
        "items": [_item(line) for line in _recurring(quote["_lines"])],
    }
    if quote["collection_method"] == "send_invoice":
        form["days_until_due"] = quote["invoice_settings"]["days_until_due"] or GOOD_FOR
    return form


def _item(line: Json) -> Json:
    counted = {} if line["quantity"] is None else {"quantity": line["quantity"]}
    rates = items.agreed_rates(line["_tax_rates"])
    return {"price": line["price"]["id"], items.AGREED: True, "tax_rates": rates, **counted}


def _invoice(quote: Json, customer: Json) -> Json:
    """The draft of what is paid once."""
    waiting = [
        invoiceitems.new(
            {
                "pricing": {"price": line["price"]["id"], items.AGREED: True},
                "quantity": line["quantity"],
                "tax_rates": items.agreed_rates(line["_tax_rates"]),
            },
            customer,
            None,
        )
        for line in quote["_lines"]
    ]
    settings = quote["invoice_settings"]
    invoice = drafts.new(
        customer,
        quote["currency"],
        "manual",
        [invoice_lines.of_invoiceitem(item) for item in waiting],
        collection_method=quote["collection_method"],
        description=settings["description"],
        id=ids.new("invoice"),
        parent={
            "quote_details": {"quote": quote["id"]},
            "subscription_details": None,
            "type": "quote_details",
        },
        _days_until_due=settings["days_until_due"],
    )
    redeemed = discounts.redeem_all(quote["_wanted"], customer, "discounts", invoice=invoice["id"])
    objects.change(
        invoice,
        default_tax_rates=items.agreed_rates(quote["default_tax_rates"] or []),
        discounts=redeemed,
    )
    drafts.add_up(invoice)
    events.emit("invoice.created", invoice)
    return invoice
