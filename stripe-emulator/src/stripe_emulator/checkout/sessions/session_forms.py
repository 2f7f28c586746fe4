"""What the form of a new Checkout Session asks for, and what of it can't be."""

from __future__ import annotations

from stripe_emulator.checkout.modes.mode import Mode
from stripe_emulator.checkout.sessions import paying
from stripe_emulator.core import emails, money, urls
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest, NotEmulated, only_one_of
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.payments.account import account
from stripe_emulator.payments.methods import method_kinds, payment_method_configurations

#: Parameters that promise more than is done here.
NOT_YET = (
    "after_expiration",
    "customer_account",
    "payment_method_data",
)
#: Parameters that promise more than is done here where their ``enabled`` is true.
NOT_YET_ENABLED = ("managed_payments",)

#: How the page looks where nobody chose.
BRANDING: Json = {
    "background_color": "#ffffff",
    "border_style": "rounded",
    "button_color": "#0074d4",
    "display_name": account.NAME,
    "font_family": "default",
    "icon": None,
    "logo": None,
}

#: Parameters that only some modes have.
OF_MODES = {
    "customer_creation": ("payment", "setup"),
    "payment_intent_data": ("payment",),
    "payment_method_collection": ("subscription",),
    "setup_intent_data": ("setup",),
    "submit_type": ("payment", "subscription"),
    "subscription_data": ("subscription",),
}

#: Parameters of the hosted page, which a page of the shop's own does by itself.
NOT_WITH_ELEMENTS = (
    "after_expiration",
    "branding_settings",
    "custom_fields",
    "custom_text",
    "optional_items",
    "origin_context",
    "submit_type",
)

LIVES, SHORTEST = clock.DAY, 30 * 60
#: Seconds of a trial whose end is named, at least.
SHORTEST_TRIAL = 2 * clock.DAY
MAX_URL = 5000


def check_descriptor(form: Form) -> None:
    """:raises InvalidRequest: A whole statement descriptor, where nothing but a card can pay."""
    only = form.get("payment_method_types") or form.get("allowed_payment_method_types")
    if only == ["card"]:
        param = "payment_intent_data[statement_descriptor]"
        method_kinds.check_descriptor(form.get("payment_intent_data") or {}, only, param)


def defaults(form: Form) -> Json:
    """What a session says where nobody asked for anything else."""
    return {
        "adaptive_pricing": {"enabled": False},
        "branding_settings": BRANDING | (form.get("branding_settings") or {}),
        "collected_information": {"business_name": None, "individual_name": None, "shipping_details": None},
        "customer_creation": None,
        "discounts": None if form["mode"] == "setup" else [],
        "origin_context": None,
        "payment_method_collection": "if_required" if form["mode"] == "payment" else "always",
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
        **({"redirect_on_completion": "always"} if form.get("ui_mode") == "embedded_page" else {}),
        **_tax_id_collection(form),
        **({} if form.get("payment_method_types") else payment_method_configurations.used_by(form)),
    }


def _tax_id_collection(form: Form) -> Json:
    """Whether the customer's tax id is asked for; of a customer that is known, only with leave to name it.

    :raises InvalidRequest: The name of the session's customer is not to be changed.
    """
    given = form.get("tax_id_collection")
    if not given:
        return {}
    may_name = (form.get("customer_update") or {}).get("name") == "auto"
    if given["enabled"] and "customer" in form and not may_name:
        raise InvalidRequest(
            "Tax ID collection requires updating business name on the customer. To enable tax ID collection"
            " for an existing customer, please set `customer_update[name]` to `auto`.",
            param="customer_update[name]",
        )
    return {"tax_id_collection": {"enabled": given["enabled"], "required": given.get("required", "never")}}


def checked_mode(form: Form) -> Mode:
    """The mode of a new session.

    :raises InvalidRequest: A parameter is missing or contradicts the mode.
    :raises NotEmulated: The form asks for something that the emulator would not do.
    """
    if "mode" not in form:
        raise InvalidRequest("Missing required param: mode.", code="parameter_missing", param="mode")
    for param in ("application_fee_amount", "on_behalf_of", "transfer_data"):
        if (form.get("payment_intent_data") or {}).get(param):
            raise NotEmulated(f"Checkout Sessions with {param}", param=f"payment_intent_data[{param}]")
    mode = paying.MODES.get(form["mode"])
    if mode is None:
        raise NotEmulated(f"Checkout Sessions with mode={form['mode']}", param="mode")
    for number, option in enumerate(form.get("shipping_options") or []):  # before what is missing is told
        if "shipping_rate" in option:
            param = f"shipping_options[{number}][shipping_rate]"
            store.named("shipping_rate", option["shipping_rate"], param)
    _refuse_what_is_not_emulated(form)
    _must_fit_mode(form)
    if form["mode"] != "setup" and not form.get("line_items"):
        raise InvalidRequest(
            f"`line_items` are required in `{form['mode']}` mode.",
            code="parameter_missing",
            param="line_items",
        )
    return mode


def _must_fit_mode(form: Form) -> None:
    """:raises InvalidRequest: A parameter means nothing in the session's mode, or a trial is too short."""
    must_be_of_mode(form, form["mode"])
    data = form.get("subscription_data") or {}
    if data.get("trial_period_days") is not None and data["trial_period_days"] < 1:
        raise InvalidRequest(
            "The number of free trial days must be at least 1.", param="subscription_data[trial_period_days]"
        )
    if data.get("trial_end") is not None and data["trial_end"] < clock.now() + SHORTEST_TRIAL:
        raise InvalidRequest(
            "The `trial_end` date has to be at least 2 days in the future.",
            param="subscription_data[trial_end]",
        )


def must_be_of_mode(form: Form, mode: str) -> None:
    """:raises InvalidRequest: A parameter means nothing in this mode of a session, or of a link's."""
    for param, modes in OF_MODES.items():
        if form.get(param) and mode not in modes:
            raise InvalidRequest(f"You can not pass `{param}` in `{mode}` mode.", param=param)


def _refuse_what_is_not_emulated(form: Form) -> None:
    for param in NOT_YET:
        if form.get(param):
            raise NotEmulated(f"Checkout Sessions with {param}", param=param)
    for param in NOT_YET_ENABLED:
        if (form.get(param) or {}).get("enabled"):
            raise NotEmulated(f"Checkout Sessions with {param}", param=param)
    if (form.get("consent_collection") or {}).get("promotions") == "auto":
        raise NotEmulated("asking for consent to promotions", param="consent_collection[promotions]")


def check_urls(form: Form) -> None:
    """Check where the browser goes after the page.

    :raises InvalidRequest: A URL is missing, wrong, or not for this ``ui_mode``.
    """
    ui_mode = form.get("ui_mode", "hosted_page")
    refused: tuple[str, ...]
    if ui_mode == "hosted_page":
        needed, refused = "success_url", ("permissions", "return_url", "redirect_on_completion")
    else:
        needed, refused = "return_url", ("success_url", "cancel_url")
    if ui_mode == "elements":
        refused += NOT_WITH_ELEMENTS
    if needed not in form and not (
        ui_mode == "embedded_page" and form.get("redirect_on_completion") == "never"
    ):
        raise InvalidRequest(
            f"You must provide `{needed}` when `ui_mode` is `{ui_mode}`.",
            code="parameter_missing",
            param=needed,
        )
    for param in refused:
        if form.get(param) is not None:
            raise InvalidRequest(f"`{param}` is not allowed when `ui_mode` is `{ui_mode}`.", param=param)
    for param in ("success_url", "cancel_url", "return_url"):
        url = form.get(param)
        if url is None:
            continue
        if len(url) > MAX_URL:
            raise InvalidRequest(
                f"Invalid URL: it must be at most {MAX_URL} characters.", code="url_invalid", param=param
            )
        urls.check(url, param)


def customer(form: Form) -> str | None:
    """The id of the customer that the form names."""
    if "customer" not in form:
        return None
    if "customer_email" in form:
        raise only_one_of("customer", "customer_email", param="customer_email")
    if "customer_creation" in form:
        raise only_one_of("customer", "customer_creation", param="customer_creation")
    customer_id: str = store.named("customer", form["customer"], "customer")["id"]
    return customer_id


def known_details(form: Form, customer_id: str | None) -> Json | None:
    """``customer_details`` of an open session: as much as is known of who will pay."""
    email = form.get("customer_email")
    if customer_id is not None:
        email = store.get("customer", customer_id)["email"]
    elif email is None:
        return None
    emails.check(form.get("customer_email"), "customer_email")
    blank = dict.fromkeys(("address", "business_name", "individual_name", "name", "phone", "tax_ids"))
    return blank | {"email": email, "tax_exempt": None if form["mode"] == "setup" else "none"}


def updates(form: Form) -> list[str]:
    """``customer_update``: what the payer fills in that becomes the customer's."""
    wanted = form.get("customer_update") or {}
    if wanted and "customer" not in form:
        raise InvalidRequest(
            "`customer_update` can only be used when `customer` is set.", param="customer_update"
        )
    if wanted.get("shipping") == "auto" and not form.get("shipping_address_collection"):
        raise InvalidRequest(
            "`customer_update[shipping]` can only be `auto` with `shipping_address_collection`.",
            param="customer_update[shipping]",
        )
    return [name for name in ("address", "name", "shipping") if wanted.get(name) == "auto"]


def currency(form: Form) -> str | None:
    """The currency that the form names."""
    return money.currency(form["currency"]) if "currency" in form else None


def expires_at(form: Form) -> int:
    """When the session expires: in 24 hours, or as the form says.

    :raises InvalidRequest: Sooner than 30 minutes from now, or later than 24 hours.
    """
    now = clock.now()
    expires_at: int = form.get("expires_at", now + LIVES)
    if not now + SHORTEST <= expires_at <= now + LIVES:
        raise InvalidRequest(
            "The `expires_at` timestamp must be at least 30 minutes and less than 24 hours from Checkout"
            " Session creation.",
            param="expires_at",
        )
    return expires_at
