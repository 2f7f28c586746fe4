"""The invoice that would follow. Versions before 2025-03-31.basil ask for it as ``upcoming``.

https://docs.stripe.com/changelog/basil/2025-03-31/invoice-preview-api-deprecations
"""

from __future__ import annotations

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.billing.previews import previews
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form

register = Register()

UNTIL, PREVIEW = "2025-03-31.basil", "POST /v1/invoices/create_preview"


@register.post("/v1/invoices/create_preview")
def create_preview(form: Form) -> Json:
    """https://docs.stripe.com/api/invoices/create_preview"""
    return previews.preview(form)


@register.get("/v1/invoices/upcoming", documented=False, reads_as=PREVIEW, until=UNTIL)
def upcoming(form: Form) -> Json:
    """The next invoice, or the one that a change would bring."""
    return previews.preview(form)


@register.get("/v1/invoices/upcoming/lines", documented=False, reads_as=PREVIEW, until=UNTIL)
def upcoming_lines(form: Form) -> Json:
    """Its lines, page by page."""
    lines = previews.preview(form)["lines"]["data"]
    return lists.slice_of(lines, form, url="/v1/invoices/upcoming/lines")
