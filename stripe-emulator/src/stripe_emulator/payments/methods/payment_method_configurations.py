"""Which kinds of payment methods are offered. https://docs.stripe.com/api/payment_method_configurations

An account has a default one from its start. What can't be paid with here is never available.
"""

from __future__ import annotations

from functools import cache

from stripe_emulator import contract
from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.core.database import store, transactions
from stripe_emulator.core.errors import InvalidRequest, no_such
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import objects

register = Register()

KIND = "payment_method_configuration"
#: The kinds that are on in an account that nobody has configured.
ON = ("apple_pay", "card", "google_pay", "link")
#: The kinds that can be paid with here.
PAYABLE = ("apple_pay", "card", "google_pay", "link", "sepa_debit")
#: Parameters that are no kind of payment method.
NO_KINDS = {"active", "expand", "name", "parent"}


@register.post("/v1/payment_method_configurations")
def create(form: Form) -> Json:
    """https://docs.stripe.com/api/payment_method_configurations/create; the rest is as in the default."""
    if "parent" in form:
        raise InvalidRequest(no_such(KIND, form["parent"]), code="resource_missing", param="parent")
    base = default()
    kinds = {name: base[name] for name in _kinds() if name in base}
    return objects.create(
        KIND,
        **kinds | _chosen(form),
        active=True,
        application=None,
        is_default=False,
        name=form.get("name") or "",
        parent=None,
    )


@register.get("/v1/payment_method_configurations/{configuration}")
def retrieve(form: Form, configuration_id: str) -> Json:
    """https://docs.stripe.com/api/payment_method_configurations/retrieve"""
    return _named(configuration_id)


@register.post("/v1/payment_method_configurations/{configuration}")
def update(form: Form, configuration_id: str) -> Json:
    """https://docs.stripe.com/api/payment_method_configurations/update"""
    configuration = _named(configuration_id)
    if configuration["is_default"] and form.get("active") is False:
        raise InvalidRequest("The default configuration can't be deactivated.", param="active")
    changes = objects.patch(configuration, form, ("active", "name")) | _chosen(form)
    return objects.change(configuration, **changes)


@register.get("/v1/payment_method_configurations")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/payment_method_configurations/list"""
    listed = [default(), *store.select(KIND, {"is_default": False})][::-1]
    if "active" in form:
        listed = [each for each in listed if each["active"] == form["active"]]
    if form.get("application"):
        listed = []  # none was made for us by a platform
    return lists.slice_of(listed, form, url="/v1/payment_method_configurations")


def default() -> Json:
    """The account's default configuration. It is kept once somebody changes it."""
    known = store.find(KIND, _default_id())
    if known:
        return known
    kinds = {name: _kind(name, "on" if name in ON else "off") for name in _kinds()}
    about = {"active": True, "application": None, "is_default": True, "name": "Default", "parent": None}
    return contract.blank(KIND) | kinds | about | {"id": _default_id(), "livemode": False}


def used_by(form: Form) -> Json:
    """What an intent or a session shows of the configuration that it takes its kinds from.

    That is the one that its form names, else the default.

    :raises InvalidRequest: There is none of that id, or it is not active.
    """
    by_default = _default_id()
    wanted = form.get("payment_method_configuration") or by_default
    known = next((each for each in store.all_of(KIND) if each["id"] == wanted), None)
    if known is None and wanted == by_default:
        known = {"active": True}  # it is kept once changed
    if not known:
        raise InvalidRequest(
            no_such(KIND, wanted), code="resource_missing", param="payment_method_configuration"
        )
    if not known["active"]:
        raise InvalidRequest(
            f"The payment method configuration {wanted} is not active.", param="payment_method_configuration"
        )
    return {"payment_method_configuration_details": {"id": wanted, "parent": None}}


def _default_id() -> str:
    return f"pmc_1{transactions.current().store.account[-15:]}Default"


def _named(configuration_id: str) -> Json:
    if configuration_id == _default_id():
        return default()
    return store.get(KIND, configuration_id, param="configuration")


@cache
def _kinds() -> list[str]:
    """Every kind that this SDK's configurations have."""
    route = contract.find("POST", "/v1/payment_method_configurations")
    assert route is not None
    names = contract.parameters_of(route).fields.keys() - NO_KINDS
    return sorted(name for name in names if contract.is_field(KIND, name))


def _chosen(form: Form) -> Json:
    return {
        name: _kind(name, preference)
        for name in _kinds()
        if name in form and (preference := (form[name].get("display_preference") or {}).get("preference"))
    }


def _kind(name: str, preference: str) -> Json:
    value = "on" if preference == "on" or (preference == "none" and name in ON) else "off"
    return {
        "available": value == "on" and name in PAYABLE,
        "display_preference": {"overridable": None, "preference": preference, "value": value},
    }
