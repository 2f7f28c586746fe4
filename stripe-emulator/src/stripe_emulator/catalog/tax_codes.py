"""Tax codes: what a product is, to a tax office. https://docs.stripe.com/api/tax_codes

Stripe has hundreds. Here are those of its guides; a product may name any other.
"""

from __future__ import annotations

import re

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.core.errors import InvalidRequest, NotFound, no_such
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form

register = Register()

#: Nothing is taxed of it; and what a thing is where nobody said.
NONTAXABLE, GENERAL, SHIPPING = "txcd_00000000", "txcd_10000000", "txcd_92010001"

#: Code -> its name, and what it is of.
_CODES = {
    NONTAXABLE: ("Nontaxable", "Any nontaxable good or service."),
    GENERAL: ("General - Electronically Supplied Services", "A digital service over the internet."),
    "txcd_10103000": ("Software as a service (SaaS) - personal use", "Software that is used from afar."),
    "txcd_10103001": ("Software as a service (SaaS) - business use", "Software that is used from afar."),
    "txcd_10302000": (
        "Digital Books - downloaded - non subscription - with permanent rights",
        "A book that is downloaded and kept.",
    ),
    "txcd_10502000": ("Gift Card", "A card or a code that is worth money at a shop."),
    "txcd_20030000": ("General - Services", "A service that no other code describes."),
    "txcd_30011000": ("Clothing & Footwear", "What people wear."),
    "txcd_40060003": ("Food for Immediate Consumption", "Food that is ready to eat."),
    SHIPPING: ("Shipping", "What it costs to send goods."),
    "txcd_99999999": (
        "General - Tangible Goods",
        "A physical good that can be moved or touched. Also known as tangible personal property.",
    ),
}
CODES: dict[str, Json] = {
    code: {"id": code, "object": "tax_code", "description": about, "name": name}
    for code, (name, about) in _CODES.items()
}
_CODE = re.compile(r"txcd_[0-9]{8}")


@register.get("/v1/tax_codes/{id}")
def retrieve(form: Form, code: str) -> Json:
    """https://docs.stripe.com/api/tax_codes/retrieve"""
    if code not in CODES:
        raise NotFound(no_such("tax_code", code), code="resource_missing", param="id")
    return dict(CODES[code])


@register.get("/v1/tax_codes")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/tax_codes/list"""
    return lists.slice_of(list(CODES.values()), form, url="/v1/tax_codes")


def checked(code: str, param: str) -> str:
    """:raises InvalidRequest: It can't be a tax code."""
    if not _CODE.fullmatch(code):
        raise InvalidRequest(no_such("tax_code", code[:80]), code="resource_missing", param=param)
    return code
