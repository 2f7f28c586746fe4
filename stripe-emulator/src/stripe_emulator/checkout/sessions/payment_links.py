"""Payment links: a URL that opens a new Checkout Session for everyone who follows it.

https://docs.stripe.com/api/payment-link
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.billing.invoices import automatic_tax
from stripe_emulator.checkout.completion import completion, invoice_creation
from stripe_emulator.checkout.lines import line_items, session_discounts, shipping
from stripe_emulator.checkout.sessions import custom_fields, optional_items, session_forms, sessions
from stripe_emulator.core import ids, urls
from stripe_emulator.core.database import store, transactions
from stripe_emulator.core.errors import InvalidRequest, NotEmulated, NotFound
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import objects

register = Register()

KIND = "payment_link"

#: Parameters that are kept as they come, and handed to each session.
HANDED_ON = (
    "allow_promotion_codes",
    "billing_address_collection",
    "consent_collection",
    "custom_text",
    "customer_creation",
    "payment_intent_data",
    "payment_method_collection",
    "phone_number_collection",
    "submit_type",
    "subscription_data",
    "tax_id_collection",
)
#: Parameters that promise more than is done here.
NOT_YET = (
    "application_fee_amount",
    "application_fee_percent",
    "managed_payments",
    "name_collection",
    "on_behalf_of",
    "payment_method_options",
    "payment_method_types",
    "transfer_data",
)

#: A link can have fewer lines than a session.
MAX_LINES = 20

_REFERENCE = re.compile(r"[A-Za-z0-9_-]{1,200}")


@register.post("/v1/payment_links")
def create(form: Form) -> Json:
    """https://docs.stripe.com/api/payment-link/create"""
    _refuse_what_is_missing(form)
    lines = _lines(form["line_items"])
    recurring = _mode(lines) == "subscription"
    session_forms.must_be_of_mode(form, _mode(lines))
    if "currency" in form and form["currency"] != lines[0]["currency"]:
        raise InvalidRequest("The currency must be the one of the prices.", param="currency")
    return objects.create(
        KIND,
        event="payment_link.created",
        **_defaults(recurring) | _handed_on(form),
        active=True,
        after_completion=_after_completion(form.get("after_completion")),
        automatic_tax=_automatic_tax(form),
        currency=lines[0]["currency"],
        custom_fields=custom_fields.unfilled(form),
        **optional_items.read(form, lines),
        shipping_address_collection=shipping.collection(form),
        shipping_options=shipping.offered(form, lines[0]["currency"]),
        inactive_message=form.get("inactive_message"),
        invoice_creation=None if recurring else _invoice_creation(form),
        metadata=form.get("metadata"),
        restrictions=_restrictions(form.get("restrictions")),
        url=f"{transactions.current().store.base_url}/buy/test_{ids.token(20)}",
        _lines=lines,
    )


@register.get("/v1/payment_links/{payment_link}")
def retrieve(form: Form, link_id: str) -> Json:
    """https://docs.stripe.com/api/payment-link/retrieve"""
    return store.get(KIND, link_id, param="payment_link")


@register.post("/v1/payment_links/{payment_link}")
def update(form: Form, link_id: str) -> Json:
    """https://docs.stripe.com/api/payment-link/update; sessions that are open stay as they are."""
    link = store.get(KIND, link_id, param="payment_link")
    _refuse_what_is_missing(form)
    session_forms.must_be_of_mode(form, _mode(link["_lines"]))
    changes = objects.patch(link, form, ("active", "inactive_message")) | _handed_on(form)
    if "after_completion" in form:
        changes["after_completion"] = _after_completion(form["after_completion"])
    if "automatic_tax" in form:
        changes["automatic_tax"] = _automatic_tax(form)
    if "invoice_creation" in form:
        changes["invoice_creation"] = _invoice_creation(form)
    if "custom_fields" in form:
        changes["custom_fields"] = custom_fields.unfilled(form)
    if "optional_items" in form:
        changes |= {"optional_items": None} | optional_items.read(form, link["_lines"])
    if "shipping_address_collection" in form:
        changes["shipping_address_collection"] = shipping.collection(form)
    if "restrictions" in form:
        changes["restrictions"] = _restrictions(form["restrictions"])
    if "line_items" in form:
        changes["_lines"] = line_items.revise(link["_lines"], form["line_items"])
    return objects.change(link, "payment_link.updated", **changes)


@register.get("/v1/payment_links")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/payment-link/list"""
    return lists.page(KIND, form, url="/v1/payment_links", only=("active",))


@register.get("/v1/payment_links/{payment_link}/line_items")
def list_line_items(form: Form, link_id: str) -> Json:
    """https://docs.stripe.com/api/payment-link/retrieve-line-items"""
    link = store.get(KIND, link_id, param="payment_link")
    return lists.slice_of(link["_lines"], form, url=f"/v1/payment_links/{link_id}/line_items")


@register.includable(KIND, "line_items")
def line_items_of(link: Json) -> Json:
    """The first lines, shown when asked for."""
    return lists.slice_of(link["_lines"], {}, url=f"/v1/payment_links/{link['id']}/line_items")


@register.computed(KIND)
def counted(link: Json) -> Json:
    """How many sessions of a limited link have been completed so far."""
    if link["restrictions"] is None:
        return {}
    limit = link["restrictions"]["completed_sessions"]["limit"]
    return {"restrictions": {"completed_sessions": {"count": _completed(link), "limit": limit}}}


def by_token(token: str) -> Json:
    """The link with this end of its URL.

    :raises NotFound: There is none.
    """
    url = f"{transactions.current().store.base_url}/buy/{token}"
    links = store.select(KIND, {"url": url}, limit=1)
    if not links:
        raise NotFound("There is no such payment link.")
    return links[0]


def of_session(session: Json) -> Json | None:
    """The link that a session was opened by."""
    return store.find(KIND, session["payment_link"]) if session["payment_link"] else None


def is_open(link: Json) -> bool:
    """Whether somebody can still buy by it."""
    limit = link["restrictions"] and link["restrictions"]["completed_sessions"]["limit"]
    return link["active"] and (limit is None or _completed(link) < limit)


def close_those_of_product(product: Json) -> None:
    """https://docs.stripe.com/products-prices/manage-prices#archive-product"""
    _close(lambda price: price["product"] == product["id"])


def close_those_of_price(price: Json) -> None:
    """https://docs.stripe.com/products-prices/manage-prices#archive-price"""
    _close(lambda sold: sold["id"] == price["id"])


def _close(is_archived: Callable[[Json], bool]) -> None:
    for link in store.select(KIND, {}):
        if link["active"] and any(is_archived(line["price"]) for line in link["_lines"]):
            objects.change(link, "payment_link.updated", active=False)


def open_session(link: Json, query: Mapping[str, str]) -> Json:
    """Open a Checkout Session for somebody who followed the link.

    :param query: What the URL prefills: ``prefilled_email``, ``locked_prefilled_email``,
        ``prefilled_promo_code``, ``client_reference_id``. What can't be is left out.
    """
    mode = _mode(link["_lines"])
    form: Json = {key: link[key] for key in HANDED_ON if link[key] is not None and _has(mode, key)}
    if form.get("submit_type") == "auto":
        del form["submit_type"]
    if link["shipping_address_collection"]:
        form["shipping_address_collection"] = link["shipping_address_collection"]
    if link["shipping_options"]:
        form["shipping_options"] = [
            {"shipping_rate": option["shipping_rate"]} for option in link["shipping_options"]
        ]
    if link["invoice_creation"] is not None:
        form["invoice_creation"] = link["invoice_creation"]
    if _REFERENCE.fullmatch(query.get("client_reference_id", "")):
        form["client_reference_id"] = query["client_reference_id"]
    if query.get("locked_prefilled_email"):
        form["customer_email"] = query["locked_prefilled_email"]
    after = link["after_completion"]
    page = f"{transactions.current().store.base_url}/pay/{{CHECKOUT_SESSION_ID}}"
    session = sessions.create(
        form
        | {
            "automatic_tax": {"enabled": link["automatic_tax"]["enabled"]},
            "custom_fields": custom_fields.as_form(link["custom_fields"]),
            "line_items": [_line_of(line) for line in link["_lines"]],
            "metadata": link["metadata"],
            "optional_items": optional_items.as_form(link.get("optional_items")),
            "mode": mode,
            "success_url": after["redirect"]["url"] if after["type"] == "redirect" else page,
        }
    )
    objects.change(session, payment_link=link["id"], _email=query.get("prefilled_email"))
    if query.get("prefilled_promo_code"):
        _try_code(session, query["prefilled_promo_code"])
    return session


def _try_code(session: Json, code: str) -> None:
    """A code that can't be used, or is not asked for, is left out: its customer has not typed it."""
    try:
        session_discounts.enter_code(session, code)
    except InvalidRequest:
        return


def _mode(lines: list[Json]) -> str:
    """The mode of the sessions that these lines are sold by."""
    return "subscription" if any(line["price"]["recurring"] for line in lines) else "payment"


def _has(mode: str, param: str) -> bool:
    return mode in session_forms.OF_MODES.get(param, (mode,))


def _lines(wanted: list[Form]) -> list[Json]:
    if len(wanted) > MAX_LINES:
        raise InvalidRequest(f"Payment links can have up to {MAX_LINES} line items.", param="line_items")
    if not wanted:
        raise InvalidRequest(
            "Missing required param: line_items.", code="parameter_missing", param="line_items"
        )
    return line_items.read(wanted)


def _line_of(line: Json) -> Json:
    """A line of the link as a session's form names it; its id lets a price be used that is not for sale."""
    form: Json = {"id": ids.new("item"), "price": line["price"]["id"], "quantity": line["quantity"]}
    return form | (
        {"adjustable_quantity": line["adjustable_quantity"]} if line["adjustable_quantity"] else {}
    )


def _completed(link: Json) -> int:
    return len(store.select(completion.KIND, {"payment_link": link["id"], "status": "complete"}))


def _defaults(recurring: bool) -> Json:
    return {
        "allow_promotion_codes": False,
        "billing_address_collection": "auto",
        "custom_text": {},
        "customer_creation": "always" if recurring else "if_required",
        "payment_method_collection": "always",
        "phone_number_collection": {"enabled": False},
        "submit_type": "auto",
        "tax_id_collection": {"enabled": False, "required": "never"},
    }


def _handed_on(form: Form) -> Json:
    given = {key: form[key] for key in HANDED_ON if key in form}
    if "tax_id_collection" in given:
        given["tax_id_collection"] = {"required": "never", **given["tax_id_collection"]}
    if "subscription_data" in given:
        settings = {"issuer": {"type": "self"}, **(given["subscription_data"].get("invoice_settings") or {})}
        given["subscription_data"] = {**given["subscription_data"], "invoice_settings": settings}
    return given


def _after_completion(given: Form | None) -> Json:
    if given is None or given["type"] == "hosted_confirmation":
        message = ((given or {}).get("hosted_confirmation") or {}).get("custom_message")
        return {"hosted_confirmation": {"custom_message": message}, "type": "hosted_confirmation"}
    if not given.get("redirect"):
        raise InvalidRequest(
            "Missing required param: after_completion[redirect][url].",
            code="parameter_missing",
            param="after_completion[redirect][url]",
        )
    urls.check(given["redirect"]["url"], "after_completion[redirect][url]")
    return {"redirect": {"url": given["redirect"]["url"]}, "type": "redirect"}


def _automatic_tax(form: Form) -> Json:
    on = automatic_tax.is_wanted(form)
    return {"enabled": on, "liability": {"type": "self"} if on else None}


def _invoice_creation(form: Form) -> Json | None:
    return invoice_creation.shown({"mode": "payment", "invoice_creation": form.get("invoice_creation")})


def _restrictions(given: Json | str | None) -> Json | None:
    if not given or isinstance(given, str):
        return None
    limit = given["completed_sessions"]["limit"]
    if limit < 1:
        raise InvalidRequest(
            "This value must be greater than or equal to 1.",
            code="parameter_invalid_integer",
            param="restrictions[completed_sessions][limit]",
        )
    return {"completed_sessions": {"count": 0, "limit": limit}}


def _refuse_what_is_missing(form: Form) -> None:
    for name in NOT_YET:
        if form.get(name):
            raise NotEmulated(f"payment links with {name}", param=name)
    if (form.get("consent_collection") or {}).get("promotions") == "auto":
        raise NotEmulated("asking for consent to promotions", param="consent_collection[promotions]")
