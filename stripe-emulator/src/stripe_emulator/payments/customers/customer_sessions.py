"""Customer sessions: a page shows one customer their own cards. https://docs.stripe.com/api/customer_sessions"""

from __future__ import annotations

from stripe_emulator.api.register import Register
from stripe_emulator.core import ids
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest, NotEmulated
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import objects

register = Register()

KIND = "customer_session"

#: Seconds that a session is good.
LIVES = 30 * 60

#: The components, with the features of each where nobody asks for others.
_COMPONENTS: dict[str, Json] = {
    "active_entitlements": {},
    "buy_button": {},
    "customer_portal": {},
    "customer_sheet": {
        "payment_method_allow_redisplay_filters": ["always"],
        "payment_method_remove": "disabled",
    },
    "mobile_payment_element": {
        "payment_method_allow_redisplay_filters": ["always"],
        "payment_method_redisplay": "disabled",
        "payment_method_remove": "disabled",
        "payment_method_save": "disabled",
        "payment_method_save_allow_redisplay_override": None,
    },
    "payment_element": {
        "payment_method_allow_redisplay_filters": ["always"],
        "payment_method_redisplay": "disabled",
        "payment_method_redisplay_limit": 3,
        "payment_method_remove": "disabled",
        "payment_method_save": "disabled",
        "payment_method_save_usage": None,
    },
    "pricing_table": {},
}
_MOST_CARDS = 10


@register.post("/v1/customer_sessions")
def create(form: Form) -> Json:
    """https://docs.stripe.com/api/customer_sessions/create"""
    if form.get("customer_account"):
        raise NotEmulated("customer sessions of a customer_account", param="customer_account")
    if "customer" not in form:
        raise InvalidRequest("Missing required param: customer.", code="parameter_missing", param="customer")
    customer = store.named("customer", form["customer"], "customer")
    wanted = form["components"]
    if not any(component["enabled"] for component in wanted.values()):
        raise InvalidRequest("At least one component must be enabled.", param="components")
    secret = f"cuss_secret_{ids.token(48)}"
    session = objects.create(
        KIND,
        id=secret,
        client_secret=secret,
        components={name: _component(name, wanted.get(name)) for name in _COMPONENTS},
        customer=customer["id"],
        expires_at=clock.now() + LIVES,
    )
    return {key: value for key, value in session.items() if key != "id"}  # Stripe gives it none


def _component(name: str, wanted: Json | None) -> Json:
    enabled = bool(wanted and wanted["enabled"])
    if not _COMPONENTS[name]:
        return {"enabled": enabled}
    features = _COMPONENTS[name] | ((wanted or {}).get("features") or {})
    _check(name, features)
    return {"enabled": enabled, "features": features if enabled else None}


def _check(name: str, features: Json) -> None:
    param = f"components[{name}][features]"
    limit = features.get("payment_method_redisplay_limit")
    if limit is not None and not 1 <= limit <= _MOST_CARDS:
        raise InvalidRequest(
            f"The limit must be between 1 and {_MOST_CARDS}.",
            param=f"{param}[payment_method_redisplay_limit]",
        )
    saves = features.get("payment_method_save") == "enabled"
    if name == "payment_element" and saves and features["payment_method_save_usage"] is None:
        raise InvalidRequest(
            "payment_method_save_usage must be set when payment_method_save is enabled.",
            code="parameter_missing",
            param=f"{param}[payment_method_save_usage]",
        )
