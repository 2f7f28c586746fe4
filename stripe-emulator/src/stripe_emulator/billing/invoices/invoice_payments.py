"""Invoice payments: which payment paid which invoice. https://docs.stripe.com/api/invoice-payment"""

from __future__ import annotations

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.core.database import store
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form

register = Register()


@register.get("/v1/invoice_payments/{invoice_payment}")
def retrieve(form: Form, invoice_payment_id: str) -> Json:
    """https://docs.stripe.com/api/invoice-payment/retrieve"""
    return store.get("invoice_payment", invoice_payment_id)


@register.get("/v1/invoice_payments")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/invoice-payment/list; by invoice, or by what paid."""
    paid_by = form.get("payment") or {}
    where = {f"payment.{name}": paid_by[name] for name in ("payment_intent", "type") if name in paid_by}
    return lists.page(
        "invoice_payment", form, url="/v1/invoice_payments", where=where, only=("invoice", "status")
    )
