"""Domains whose pages may show wallets. https://docs.stripe.com/api/payment_method_domains

Nothing is asked of a domain here: each wallet is active on one that is enabled.
"""

from __future__ import annotations

import re

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import objects

register = Register()

KIND = "payment_method_domain"
WALLETS = ("amazon_pay", "apple_pay", "google_pay", "klarna", "link", "paypal")

_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})+")


@register.post("/v1/payment_method_domains")
def create(form: Form) -> Json:
    """https://docs.stripe.com/api/payment_method_domains/create; one that is there is returned."""
    name = form["domain_name"].lower()
    if not _DOMAIN.fullmatch(name):
        raise InvalidRequest(f"Invalid domain name: {name[:80]}", param="domain_name")
    enabled = form.get("enabled", True)
    known = store.select(KIND, {"domain_name": name}, limit=1)
    if known:
        return objects.change(known[0], **_of(enabled)) if "enabled" in form else known[0]
    return objects.create(KIND, domain_name=name, **_of(enabled))


@register.get("/v1/payment_method_domains/{payment_method_domain}")
def retrieve(form: Form, domain_id: str) -> Json:
    """https://docs.stripe.com/api/payment_method_domains/retrieve"""
    return store.get(KIND, domain_id, param="payment_method_domain")


@register.post("/v1/payment_method_domains/{payment_method_domain}")
def update(form: Form, domain_id: str) -> Json:
    """https://docs.stripe.com/api/payment_method_domains/update"""
    domain = store.get(KIND, domain_id, param="payment_method_domain")
    return objects.change(domain, **_of(form["enabled"])) if "enabled" in form else domain


@register.post("/v1/payment_method_domains/{payment_method_domain}/validate")
def validate(form: Form, domain_id: str) -> Json:
    """https://docs.stripe.com/api/payment_method_domains/validate"""
    return store.get(KIND, domain_id, param="payment_method_domain")


@register.get("/v1/payment_method_domains")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/payment_method_domains/list"""
    return lists.page(KIND, form, url="/v1/payment_method_domains", only=("domain_name", "enabled"))


def _of(enabled: bool) -> Json:
    status = "active" if enabled else "inactive"
    return {"enabled": enabled} | {wallet: {"status": status} for wallet in WALLETS}
