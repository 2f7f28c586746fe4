"""Mails to customers: each is a signal, worded by a template, and handed to the host's callable.

A host words one anew by a template of the same name in its own folder, ``prepaid/mail/topup_done.txt``: the
first line is the subject, ``mail_content.py`` says what the others are. The HTML of all of them is
``prepaid/mail/layout.html``, which a host replaces in the same way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol
from urllib.parse import urljoin, urlsplit

from blinker import NamedSignal
from flask import Flask, current_app, render_template

from ... import checks, signals
from ...context import Context, reading
from ...languages.choice import written_in
from ...languages.words import gettext as _
from ...outbox.delivering import WriteMail
from ...outbox.mail_log import SentMail
from ...payments import tax_rates
from ...payments.customers.contact import language_of
from ...payments.models import UNDER_WAY, Payment, PaymentState, Refund, Via
from ...subscriptions import plan_state
from ...subscriptions.models import PlanPrice, Subscription
from ..page import PageContext
from ..pages.plans.overview import payer
from ..pages.receipts import complete
from . import mail_content
from .mail_content import WrittenMail


class MailWithHtml(Protocol):
    """Sends a mail that has its HTML beside the text."""

    def __call__(self, address: str, subject: str, text: str, *, html: str) -> object: ...


#: Sends a mail: the address, the subject, the text; and the HTML, if it takes that by name.
Mail = Callable[[str, str, str], object] | MailWithHtml

MAILS: dict[NamedSignal, str] = {
    signals.payment_paid: "receipt",
    signals.payment_refunded: "refund_sent",
    signals.refund_failed: "refund_failed",
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
    signals.plan_stopped: "plan_stopped",
    signals.trial_ending: "trial_ending",
}

TEMPLATES = {signal.name: name for signal, name in MAILS.items()}

#: For so long after money has moved its receipt is sent: as long as a mailer may fail.
RECEIPT_UNTIL = timedelta(days=3)

#: What Stripe writes, too, where it is asked to.
RECEIPTS = frozenset({signals.payment_paid.name, signals.payment_refunded.name})

#: What is mailed of money that has moved: without receipts of ours, that a top-up was done.
OF_MONEY = RECEIPTS | {signals.topup_done.name}


@dataclass(frozen=True)
class Sender:
    """Who writes, for the head and the foot of each mail."""

    name: str
    url: str
    support_email: str
    mode: str

    @property
    def place(self) -> str:
        """The host of the shop's own pages."""
        return urlsplit(self.url).hostname or ""

    @property
    def signature(self) -> str:
        """The lines below a plain text."""
        lines = [f"{self.name}{self.mode}", self.url]
        lines += [f"{_('Questions? Write to')} {self.support_email}"] if self.support_email else []
        return "\n".join(filter(None, lines))


class MailVerbs:
    """A host's own mails beside ours."""

    def compose_mail(self: Context, subject: str, text: str, **values: object) -> WrittenMail:
        """A mail of your own in the layout of ours, to be sent by you.

        :param text: Paragraphs with empty lines between them. ``Words: https://...`` alone on a line is a
            link, the first one a button; ``| Label | value`` is a line of a table.
        :param values: What takes the place of each ``{name}`` in the subject and the text. Give words that
            people have typed in this way: their line breaks become blanks, so that they add no line and no
            button.
        :returns: Its ``subject``, its ``text`` and its ``html``.
        :raises ValueError: The subject or the text is none.
        """
        checks.words("subject", subject)
        checks.words("text", text)
        if values:
            words = {name: " ".join(str(value).split()) for name, value in values.items()}
            subject, text = subject.format_map(words), text.format_map(words)
        return composed(self, subject, text)


def mailed(*, receipts: bool) -> frozenset[str]:
    """The names of the signals that are written to customers.

    :param receipts: Whether payments have one. That of a top-up stands in for the mail that it was done.
    """
    return frozenset(TEMPLATES) - ({signals.topup_done.name} if receipts else RECEIPTS)


def writer(context: PageContext) -> WriteMail:
    """What writes to customers, for the outbox."""
    return partial(write, context)


def write(
    context: PageContext, signal: str, owner: str, values: dict[str, Any], at: datetime
) -> SentMail | None:
    """Write the mail about a signal, and hand it to the host; ``None`` where the owner has no address.

    Books from a backup hear of old payments once more. Their customers have those receipts: none is sent.

    :param at: When the signal was written down.
    """
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    address = context.email_of(owner)
    if address is None:
        return None
    if signal == signals.payment_paid.name:
        complete(context, values["payment_id"])
    with reading(context):
        language = language_of(context, owner)
    with written_in(language):
        name, mail = render(context, app, TEMPLATES[signal], owner, values)
    if _is_late(context, signal, values, at):
        return SentMail(address, name, mail.subject, withheld=f"older than {RECEIPT_UNTIL.days} days")
    try:
        context.send_mail(address, mail)
    except Exception as error:  # whatever the host's mailer raises: the log of mails has it
        return SentMail(address, name, mail.subject, error)
    return SentMail(address, name, mail.subject)


def _is_late(context: Context, signal: str, values: dict[str, Any], at: datetime) -> bool:
    """Whether it is about money that had moved days before it was heard of."""
    if signal not in OF_MONEY:
        return False
    with reading(context) as session:
        if signal != signals.payment_refunded.name:
            moved_at = session.get_one(Payment, values["payment_id"]).paid_at
        else:
            moved_at = session.get_one(Refund, values["refund_id"]).created_at
        return moved_at is not None and at - moved_at > RECEIPT_UNTIL


def render(
    context: PageContext, app: Flask, name: str, owner: str, values: dict[str, Any]
) -> tuple[str, WrittenMail]:
    """The mail to an owner, and the name of the template that worded it. The session is given back."""
    payment_id, refund_id = values.get("payment_id"), values.get("refund_id")
    with reading(context) as session:
        payment = session.get(Payment, payment_id) if payment_id else None
        refund = session.get(Refund, refund_id) if refund_id else None
        name, rows = _name_of(name, payment), {"payment": payment, "refund": refund}
        values = {"under_way": refund is not None and refund.state in UNDER_WAY, **values}
        if name == "topup_done" and payment is not None:  # its receipt stands in for it
            values = {"credits": payment.credits, **values}
        if name == "plan_payment_failed":
            values = {**values, **owed_by(context, values["subscription_id"])}
        if name == "trial_ending":
            values = {**begun_by(context, values["subscription_id"]), **values}
        if name == "topup_failed" and payment is not None:
            values = {"amount_minor": tax_rates.charge_minor(context, payment), **values}
        return name, worded(context, app, name, {**values, **rows}, zone_of(context, owner))


def owed_by(context: PageContext, subscription_id: int) -> dict[str, Any]:
    """What a plan owes, the card that was to pay it, and when that is tried again."""
    row = context.session.get_one(Subscription, subscription_id)
    owed = plan_state.owed(context, row)
    return {
        **({"page_url": owed.page_url} if owed else {}),
        "title": context.session.get_one(PlanPrice, row.price_id).title,
        "amount_minor": owed.due_minor if owed else None,
        "currency": owed.currency if owed else None,
        "retry_at": owed.retry_at if owed else None,
        "card": payer(row),
    }


def begun_by(context: Context, subscription_id: int) -> dict[str, Any]:
    """What follows a trial: the plan, how many of it, what becomes of it, and the card that is to pay."""
    row = context.session.get_one(Subscription, subscription_id)
    terms = context.session.get_one(PlanPrice, row.next_price_id or row.price_id)
    return {
        "terms": terms,
        "quantity": row.next_quantity or row.quantity,
        "card": payer(row),
        "follows": plan_state.after_trial(context, row),
        "ends_at": row.cancel_at,
        "collects_again_at": row.collects_again_at,
    }


def _name_of(name: str, payment: Payment | None) -> str:
    if name == "topup_stopped" and payment is not None and payment.state is PaymentState.OPEN:
        return "payment_needs_you"
    return "topup_done" if name == "receipt" and payment is not None and payment.via is Via.TOPUP else name


def zone_of(context: Context, owner: str) -> str:
    """By whose clocks the owner reads times: those of a limit that they have set, else the shop's."""
    zones = (budget.zone for budget in context.ledger.budgets(owner) if budget.resets_at is not None)
    return next(zones, context.config.time_zone)


def worded(context: Context, app: Flask, name: str, values: dict[str, Any], zone: str) -> WrittenMail:
    """A mail by its template.

    :param zone: The time zone of all its times.
    """
    template, pages = f"prepaid/mail/{name}.txt", Pages(app, context.config.base_url)
    subject, _end, text = render_template(template, **values, page=pages, prepaid_zone=zone).partition("\n")
    return composed(context, subject, text)


class Pages:
    """The addresses of the extension's pages, for a mail: ``page("billing")``."""

    def __init__(self, app: Flask, base_url: str) -> None:
        self._app, self._base_url = app, base_url

    def __call__(self, endpoint: str, **parts: Any) -> str:
        path = self._app.url_map.bind("").build(f"prepaid.{endpoint}", parts)
        return urljoin(self._base_url, path)

    def exists(self, endpoint: str) -> bool:
        """Whether this app has the page: one without API keys has no limits."""
        return f"prepaid.{endpoint}" in self._app.view_functions


def composed(context: Context, subject: str, text: str) -> WrittenMail:
    """A content as text and as HTML, with the shop's name, and where to ask, in both."""
    content, sender = mail_content.read(subject, text), sender_of(context)
    return WrittenMail(
        content.subject,
        f"{content.text}\n\n-- \n{sender.signature}\n",
        render_template("prepaid/mail/layout.html", mail=content, shop=sender, linked=mail_content.linked),
    )


def sender_of(context: Context) -> Sender:
    config = context.config
    test_mode = _("(test mode, no real money)")
    mode = "" if config.livemode else f" {test_mode}"
    host = urlsplit(config.base_url).netloc
    name = config.shop_name or host or current_app.name
    return Sender(name, config.base_url or "", config.support_email or "", mode)
