"""Mails to customers: each is a signal, written by a template, and handed to the host's callable.

A host replaces one by a template of the same name in its own folder, ``prepaid/mail/topup_done.txt``.
The first line is the subject, the rest is the text.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import urljoin

from blinker import NamedSignal
from flask import Flask, render_template

from .. import signals
from ..context import reading
from ..payments.models import Payment, PaymentState
from .page import PageContext

#: Sends a text: the address, the subject, the text.
Mail = Callable[[str, str, str], object]

log = logging.getLogger(__name__)

MAILS: dict[NamedSignal, str] = {
    signals.topup_done: "topup_done",
    signals.topup_failed: "topup_failed",
    signals.topup_stopped: "topup_stopped",
    signals.topup_skipped: "topup_skipped",
    signals.card_expiring: "card_expiring",
    signals.balance_low: "balance_low",
    signals.plan_payment_failed: "plan_payment_failed",
    signals.plan_ended_unpaid: "plan_ended_unpaid",
    signals.trial_ending: "trial_ending",
}


def register(app: Flask, context: PageContext) -> None:
    """Write to the customers of ``app`` from now on."""
    for signal, name in MAILS.items():
        signal.connect(partial(write, context, name), sender=app, weak=False)


def write(context: PageContext, name: str, app: Flask, *, owner: str, **values: Any) -> None:
    """Write one mail. A mail that cannot be sent is logged, and stops nothing."""
    try:
        address = context.email_of(owner)
        if address is not None:
            subject, _, text = render(context, app, name, values).partition("\n")
            context.send_mail(address, subject, text.strip() + "\n")
    except Exception:
        log.exception("the mail %s to %s was not sent", name, owner)


def render(context: PageContext, app: Flask, name: str, values: dict[str, Any]) -> str:
    """The subject on the first line, then the text. The session is given back before the mail is sent."""
    payment_id = values.get("payment_id")
    with reading(context) as session:
        payment = session.get(Payment, payment_id) if payment_id else None
        return written(context, app, name, values, payment)


def written(
    context: PageContext, app: Flask, name: str, values: dict[str, Any], payment: Payment | None
) -> str:
    if name == "topup_stopped" and payment is not None and payment.state is PaymentState.OPEN:
        name = "payment_needs_you"
    addresses = app.url_map.bind("")

    def address(endpoint: str, **parts: Any) -> str:
        return urljoin(context.config.base_url, addresses.build(f"prepaid.{endpoint}", parts))

    return render_template(f"prepaid/mail/{name}.txt", **values, payment=payment, page=address)
