"""Mails to customers: each is a signal, written by a template, and handed to the host's callable.

A host replaces one by a template of the same name in its own folder, ``prepaid/mail/topup_done.txt``.
The first line is the subject, the rest is the text.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from blinker import NamedSignal
from flask import Flask, render_template

from .. import signals
from ..payments.models import Payment, PaymentState

if TYPE_CHECKING:
    from ..extension import Prepaid

#: Sends a text: the address, the subject, the text.
Mail = Callable[[str, str, str], object]

log = logging.getLogger(__name__)

MAILS: dict[NamedSignal, str] = {
    signals.topup_done: "topup_done",
    signals.topup_failed: "topup_failed",
    signals.topup_stopped: "topup_stopped",
    signals.card_expiring: "card_expiring",
    signals.balance_low: "balance_low",
    signals.plan_payment_failed: "plan_payment_failed",
    signals.plan_ended_unpaid: "plan_ended_unpaid",
    signals.trial_ending: "trial_ending",
}


def register(app: Flask, prepaid: Prepaid) -> None:
    """Write to the customers of ``app`` from now on."""
    for signal, name in MAILS.items():
        signal.connect(partial(write, prepaid, name), sender=app, weak=False)


def write(prepaid: Prepaid, name: str, app: Flask, *, owner: str, **told: Any) -> None:
    """Write one mail. A mail that cannot be sent is logged, and stops nothing."""
    try:
        address = prepaid.email_of(owner)
        if address is not None:
            subject, _, text = render(prepaid, app, name, told).partition("\n")
            prepaid.send_mail(address, subject, text.strip() + "\n")
    except Exception:
        log.exception("the mail %s to %s was not sent", name, owner)


def render(prepaid: Prepaid, app: Flask, name: str, told: dict[str, Any]) -> str:
    """The subject on the first line, then the text."""
    payment = prepaid.session.get(Payment, told["payment_id"]) if told.get("payment_id") else None
    if name == "topup_stopped" and payment is not None and payment.state is PaymentState.OPEN:
        name = "payment_needs_you"
    pages = app.url_map.bind("")
    text = render_template(
        f"prepaid/mail/{name}.txt",
        **told,
        payment=payment,
        page=lambda endpoint, **at: urljoin(prepaid.config.base_url, pages.build(f"prepaid.{endpoint}", at)),
    )
    prepaid.session.commit()
    return text
