"""Mails to customers: each is a signal, written by a template, and handed to the host's callable.

A host replaces one by a template of the same name in its own folder, ``prepaid/mail/topup_done.txt``.
The first line is the subject, the rest is the text.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import urljoin

from blinker import NamedSignal
from flask import Flask, current_app, render_template

from .. import signals
from ..context import reading
from ..outbox.mail_log import SentMail
from ..payments.models import Payment, PaymentState
from .page import PageContext

#: Sends a text: the address, the subject, the text.
Mail = Callable[[str, str, str], object]

MAILS: dict[NamedSignal, str] = {
    signals.topup_done: "topup_done",
    signals.topup_failed: "topup_failed",
    signals.topup_stopped: "topup_stopped",
    signals.topup_skipped: "topup_skipped",
    signals.card_expiring: "card_expiring",
    signals.balance_low: "balance_low",
    signals.budget_near: "budget_near",
    signals.credits_lapsing: "credits_lapsing",
    signals.endpoint_stopped: "endpoint_stopped",
    signals.plan_payment_failed: "plan_payment_failed",
    signals.plan_ended_unpaid: "plan_ended_unpaid",
    signals.trial_ending: "trial_ending",
}

TEMPLATES = {signal.name: name for signal, name in MAILS.items()}


def writer(context: PageContext) -> Callable[[str, str, dict[str, Any]], SentMail | None]:
    """What writes to customers, for the outbox."""
    return partial(write, context)


def write(context: PageContext, signal: str, owner: str, values: dict[str, Any]) -> SentMail | None:
    """Write the mail about a signal, and hand it to the host; ``None`` where the owner has no address."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    address = context.email_of(owner)
    if address is None:
        return None
    subject, _, text = render(context, app, TEMPLATES[signal], values).partition("\n")
    try:
        context.send_mail(address, subject, text.strip() + "\n")
    except Exception as error:  # whatever the host's mailer raises: the log of mails has it
        return SentMail(address, TEMPLATES[signal], subject, error)
    return SentMail(address, TEMPLATES[signal], subject)


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
