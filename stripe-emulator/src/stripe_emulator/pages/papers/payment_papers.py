"""The papers of a payment, for whoever has the link: its receipt, and the mandate that it was made under."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from stripe_emulator.checkout.completion import completion
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import StripeError
from stripe_emulator.pages.common import problem
from stripe_emulator.pages.common.account import storage
from stripe_emulator.payments.methods import mandates

pages = Blueprint("payment_papers", __name__)
pages.register_error_handler(StripeError, problem.page)


@pages.get("/receipts/<charge_id>")
def receipt(charge_id: str) -> ResponseReturnValue:
    """That a payment arrived, for what, and what went back of it."""
    with storage().transaction(write=False):
        charge = store.get("charge", charge_id)
        paid_for = store.select(completion.KIND, {"payment_intent": charge["payment_intent"]}, limit=1)
        bought = [line for session in paid_for for line in session["_lines"]]
        return render_template("hosted/receipt.html", charge=charge, bought=bought)


@pages.get("/mandates/<mandate_id>")
def mandate(mandate_id: str) -> ResponseReturnValue:
    """What a customer allowed by a mandate, and whether it still holds."""
    with storage().transaction(write=False):
        given = store.get(mandates.KIND, mandate_id)
        method = store.get("payment_method", given["payment_method"])
        return render_template("hosted/mandate.html", mandate=given, method=method)
