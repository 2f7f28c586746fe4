"""Checkout Sessions: a page where somebody pays. https://docs.stripe.com/api/checkout/sessions

The routes; what happens when the customer pays is in ``checkout.py``.
"""

from __future__ import annotations

from stripe_emulator.api import lists
from stripe_emulator.api.expand import includable
from stripe_emulator.api.routing import get, post
from stripe_emulator.checkout import completion, invoice_creation, line_items, modes, session_discounts, tax
from stripe_emulator.checkout.completion import KIND
from stripe_emulator.core import clock, ids, money, store
from stripe_emulator.core.errors import InvalidRequest, NotEmulated
from stripe_emulator.core.store import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import objects

#: Parameters that are kept as they come.
KEPT = (
    "allow_promotion_codes",
    "adaptive_pricing",
    "allowed_payment_method_types",
    "billing_address_collection",
    "branding_settings",
    "cancel_url",
    "client_reference_id",
    "consent_collection",
    "custom_text",
    "customer_email",
    "excluded_payment_method_types",
    "integration_identifier",
    "locale",
    "origin_context",
    "payment_method_collection",
    "payment_method_options",
    "permissions",
    "phone_number_collection",
    "redirect_on_completion",
    "return_url",
    "submit_type",
    "success_url",
    "wallet_options",
)

#: Parameters that promise more than is done here.
NOT_YET = (
    "after_expiration",
    "custom_fields",
    "customer_account",
    "optional_items",
    "payment_method_configuration",
    "payment_method_data",
    "shipping_address_collection",
    "shipping_options",
)
#: The same, where they are switched on by ``enabled``.
NOT_YET_ENABLED = ("managed_payments", "tax_id_collection")

completion.MODES |= {"payment": modes.PAYMENT, "setup": modes.SETUP}

LIVES, SHORTEST = clock.DAY, 30 * 60
MAX_URL = 5000


@post("/v1/checkout/sessions")
def create(form: Form) -> Json:
    """https://docs.stripe.com/api/checkout/sessions/create"""
    mode = _mode(form)
    _check_urls(form)
    customer = _customer(form)
    lines = line_items.read(form.get("line_items") or [])
    kept = {key: form[key] for key in KEPT if key in form}
    session_id = ids.new(KIND)
    hosted = form.get("ui_mode", "hosted_page") == "hosted_page"
    session = objects.create(
        KIND,
        id=session_id,
        **_defaults(form) | kept | (line_items.totals(lines) if lines else {}),
        automatic_tax=tax.shown(form),
        client_secret=None if hosted else ids.client_secret(session_id),
        currency=lines[0]["currency"] if lines else _currency(form),
        customer=customer,
        _updates=_updates(form),
        expires_at=_expires_at(form),
        invoice_creation=invoice_creation.shown(form),
        metadata=form.get("metadata"),
        mode=form["mode"],
        payment_method_types=form.get("payment_method_types") or ["card"],
        payment_status="unpaid",
        status="open",
        url=f"{store.current().store.base_url}/pay/{session_id}" if hosted else None,
        _lines=lines,
        _payment_intent_data=form.get("payment_intent_data"),
        _setup_intent_data=form.get("setup_intent_data"),
        _subscription_data=form.get("subscription_data"),
        _tax_rates=tax.default_rates(form, customer),
    )
    session_discounts.choose(session, form)
    if lines:
        session_discounts.apply(session)
    mode.prepare(session, form)
    if form["mode"] == "payment" and session["amount_total"]:
        money.check_charge(session["amount_total"], session["currency"], "line_items")
    clock.schedule(session["expires_at"], "checkout.session.expire", session_id)
    return session


@get("/v1/checkout/sessions/{session}")
def retrieve(form: Form, session: str) -> Json:
    """https://docs.stripe.com/api/checkout/sessions/retrieve"""
    return store.get(KIND, session, param="session")


@post("/v1/checkout/sessions/{session}")
def update(form: Form, session: str) -> Json:
    """https://docs.stripe.com/api/checkout/sessions/update"""
    found = store.get(KIND, session, param="session")
    for param in ("shipping_options", "collected_information"):
        if param in form:
            raise NotEmulated(f"updating a session's {param}", param=param)
    if form.keys() - {"metadata"}:
        _must_be_open(found, "update")
    changes = objects.patch(found, form, ())
    if "line_items" in form:
        lines = line_items.revise(found["_lines"], form["line_items"])
        if not lines or lines[0]["currency"] != found["currency"]:
            raise InvalidRequest("The lines must keep the session's currency.", param="line_items")
        changes |= {"_lines": lines, **line_items.totals(lines)}
    if "payment_intent_data" in form:
        changes["_payment_intent_data"] = (found["_payment_intent_data"] or {}) | form["payment_intent_data"]
    objects.change(found, **changes)
    session_discounts.choose(found, form)
    if "line_items" in form:
        session_discounts.apply(found)
    if found["mode"] == "payment" and found["amount_total"]:
        money.check_charge(found["amount_total"], found["currency"], "line_items")
    completion.follow(found)
    return found


@post("/v1/checkout/sessions/{session}/expire")
def expire(form: Form, session: str) -> Json:
    """https://docs.stripe.com/api/checkout/sessions/expire"""
    found = store.get(KIND, session, param="session")
    _must_be_open(found, "expire")
    return completion.expire(found)


@get("/v1/checkout/sessions")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/checkout/sessions/list"""
    where: Json = {}
    if "customer_details" in form:
        where["customer_details.email"] = form["customer_details"].get("email")
    only = ("customer", "payment_intent", "payment_link", "status", "subscription")
    return lists.page(KIND, form, url="/v1/checkout/sessions", where=where, only=only)


@get("/v1/checkout/sessions/{session}/line_items")
def list_line_items(form: Form, session: str) -> Json:
    """https://docs.stripe.com/api/checkout/sessions/line_items"""
    found = store.get(KIND, session, param="session")
    return lists.slice_of(found["_lines"], form, url=f"/v1/checkout/sessions/{session}/line_items")


@includable(KIND, "line_items")
def line_items_of(session: Json) -> Json:
    """The first lines, shown when asked for."""
    return lists.slice_of(session["_lines"], {}, url=f"/v1/checkout/sessions/{session['id']}/line_items")


def adjust(session: Json, line_id: str, quantity: str) -> None:
    """The customer wants another quantity of a line, as typed.

    :raises InvalidRequest: It can't be adjusted, or not so far.
    """
    line = next((line for line in session["_lines"] if line["id"] == line_id), None)
    adjustable = (line or {}).get("adjustable_quantity") or {"enabled": False}
    if line is None or not adjustable["enabled"]:
        raise InvalidRequest("The quantity of this line item can't be adjusted.", param="lineItem")
    least, most = adjustable["minimum"] or 0, adjustable["maximum"] or 99
    if not quantity.isascii() or not quantity.isdigit() or not least <= int(quantity[:9]) <= most:
        raise InvalidRequest(f"The quantity must be between {least} and {most}.", param="quantity")
    wanted = [{"id": one["id"], "quantity": one["quantity"]} for one in session["_lines"]]
    changed = [one | {"quantity": int(quantity)} if one["id"] == line_id else one for one in wanted]
    update({"line_items": [one for one in changed if one["quantity"]]}, session["id"])


def _defaults(form: Form) -> Json:
    """What a session says where nobody asked for anything else."""
    return {
        "adaptive_pricing": {"enabled": False},
        "customer_creation": None,
        "origin_context": None,
        "payment_method_collection": None if form["mode"] == "payment" else "always",
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "phone_number_collection": {"enabled": False},
        "saved_payment_method_options": {
            "allow_redisplay_filters": ["always"],
            "payment_method_remove": "disabled",
            "payment_method_save": None,
            **(form.get("saved_payment_method_options") or {}),
        }
        if form["mode"] != "setup"
        else None,
        "ui_mode": form.get("ui_mode", "hosted_page"),
    }


def _mode(form: Form) -> completion.Mode:
    if "mode" not in form:
        raise InvalidRequest("Missing required param: mode.", code="parameter_missing", param="mode")
    for param in ("application_fee_amount", "on_behalf_of", "transfer_data"):
        if (form.get("payment_intent_data") or {}).get(param):
            raise NotEmulated(f"Checkout Sessions with {param}", param=f"payment_intent_data[{param}]")
    mode = completion.MODES.get(form["mode"])
    if mode is None:
        raise NotEmulated(f"Checkout Sessions with mode={form['mode']}", param="mode")
    for index, option in enumerate(form.get("shipping_options") or []):
        if "shipping_rate" in option:
            param = f"shipping_options[{index}][shipping_rate]"
            store.named("shipping_rate", option["shipping_rate"], param)
    for param in NOT_YET:
        if form.get(param):
            raise NotEmulated(f"Checkout Sessions with {param}", param=param)
    for param in NOT_YET_ENABLED:
        if (form.get(param) or {}).get("enabled"):
            raise NotEmulated(f"Checkout Sessions with {param}", param=param)
    if (form.get("consent_collection") or {}).get("promotions") == "auto":
        raise NotEmulated("asking for consent to promotions", param="consent_collection[promotions]")
    if form["mode"] != "setup" and not form.get("line_items"):
        raise InvalidRequest(
            f"`line_items` are required in `{form['mode']}` mode.",
            code="parameter_missing",
            param="line_items",
        )
    return mode


def _check_urls(form: Form) -> None:
    ui_mode = form.get("ui_mode", "hosted_page")
    if ui_mode == "hosted_page":
        needed, refused = "success_url", ("return_url", "redirect_on_completion")
    else:
        needed, refused = "return_url", ("success_url", "cancel_url")
    if needed not in form and not (
        ui_mode == "embedded_page" and form.get("redirect_on_completion") == "never"
    ):
        raise InvalidRequest(
            f"You must provide `{needed}` when `ui_mode` is `{ui_mode}`.",
            code="parameter_missing",
            param=needed,
        )
    for param in refused:
        if param in form:
            raise InvalidRequest(f"`{param}` is not allowed when `ui_mode` is `{ui_mode}`.", param=param)
    for param in ("success_url", "cancel_url", "return_url"):
        url = form.get(param)
        if url is None:
            continue
        if len(url) > MAX_URL:
            raise InvalidRequest(
                f"Invalid URL: it must be at most {MAX_URL} characters.", code="url_invalid", param=param
            )
        if not url.startswith(("http://", "https://")):
            raise InvalidRequest(
                "Not a valid URL: an explicit scheme (such as https) must be provided.",
                code="url_invalid",
                param=param,
            )


def _customer(form: Form) -> str | None:
    if "customer" not in form:
        return None
    if "customer_email" in form:
        raise InvalidRequest(
            "You may only specify one of these parameters: customer, customer_email.", param="customer_email"
        )
    customer_id: str = store.named("customer", form["customer"], "customer")["id"]
    return customer_id


def _updates(form: Form) -> list[str]:
    """``customer_update``: what the payer tells of themselves that becomes the customer's."""
    wanted = form.get("customer_update") or {}
    if wanted and "customer" not in form:
        raise InvalidRequest(
            "`customer_update` can only be used when `customer` is set.", param="customer_update"
        )
    return [name for name in ("address", "name") if wanted.get(name) == "auto"]


def _currency(form: Form) -> str | None:
    return money.currency(form["currency"]) if "currency" in form else None


def _expires_at(form: Form) -> int:
    now = clock.now()
    expires_at: int = form.get("expires_at", now + LIVES)
    if not now + SHORTEST <= expires_at <= now + LIVES:
        raise InvalidRequest(
            "The `expires_at` timestamp must be at least 30 minutes and less than 24 hours from Checkout"
            " Session creation.",
            param="expires_at",
        )
    return expires_at


def _must_be_open(session: Json, verb: str) -> None:
    if session["status"] != "open":
        raise InvalidRequest(
            f'Only Checkout Sessions with a status in ["open"] can be {verb}d. This Checkout Session has a'
            " status"
            f" of {session['status']}.",
            param="session",
        )
