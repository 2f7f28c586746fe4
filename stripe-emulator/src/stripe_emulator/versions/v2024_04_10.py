"""2024-04-10: captured asynchronously by default; marketing features and rendering by their names.

https://docs.stripe.com/changelog/2024-04-10
"""

from __future__ import annotations

from stripe_emulator.core.types import Json
from stripe_emulator.versions.change import Find, VersionChange
from stripe_emulator.versions.form_part import Part

change = VersionChange("2024-04-10")

RENDERING = {"amount_tax_display": ("exclude_tax", "include_inclusive_tax")}

change.took("POST /v1/products", "POST /v1/products/{id}", features=[{"name": str}])
change.took("POST /v1/invoices", "POST /v1/invoices/{invoice}", rendering_options=RENDERING)
change.took("POST /v1/invoices", pending_invoice_items_behavior=("include_and_require",))


@change.request("POST /v1/products", "POST /v1/products/{id}")
def features_of_marketing(form: Part) -> None:
    """``features[0][name]``."""
    form.move("features", "marketing_features")


@change.request("POST /v1/invoices", "POST /v1/invoices/{invoice}")
def rendering_options(form: Part) -> None:
    """``rendering_options``."""
    form.move("rendering_options", "rendering")
    if form.get("pending_invoice_items_behavior") == "include_and_require":
        form.put("pending_invoice_items_behavior", "include")


@change.default("POST /v1/payment_intents")
def captured_at_once(form: Part) -> None:
    """A payment that said nothing of its capture was captured before it was answered."""
    if "capture_method" not in form:
        form.put("capture_method", "automatic")


@change.answer("product")
def older_features(product: Json, find: Find) -> None:
    """What a product is praised for, under its older name."""
    product["features"] = product.pop("marketing_features", [])


@change.answer("invoice")
def older_rendering(invoice: Json, find: Find) -> None:
    """How amounts are shown stood in a hash of its own."""
    shown = (invoice.get("rendering") or {}).get("amount_tax_display")
    invoice["rendering_options"] = {"amount_tax_display": shown} if shown else None
