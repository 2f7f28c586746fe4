"""The verbs of alerts, webhooks and mails, which ``Prepaid`` has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from prepaid_ledger import check_owner

from .. import checks
from ..context import Context, transaction
from . import alerts, mail_log
from .mail_log import SentMail
from .models import Alert, Delivery, MailRecord, WebhookEndpoint
from .webhooks import endpoints, sent_webhooks
from .webhooks.endpoints import OutboxContext
from .webhooks.http import WebhookAnswer
from .webhooks.sent_webhooks import SentWebhook


class OutboxVerbs:
    """What customers want to be told, where their webhooks go, and which mails went out."""

    def set_alert(
        self: Context,
        owner: str,
        kind: str,
        threshold: int,
        *,
        spender: str | None = None,
        every: str | None = None,
    ) -> Alert:
        """Tell ``owner`` by mail and webhook when something is crossed, once each time. Commits.

        A repeat finds it. ``tick`` watches.

        :param kind: ``"balance"``: fewer credits than ``threshold`` are available. ``"budget"``: so many per
            cent of a budget are spent. ``"lapse"``: credits lapse within so many days.
        :param threshold: Credits, per cent, or days. A balance of 0 is no alert, also none by
            PREPAID_BALANCE_LOW.
        :param spender: Whose budget; ``None`` is that of the whole wallet.
        :param every: The budget's window, ``"day"``, ``"week"`` or ``"month"``; ``None`` is for ever.
        :raises UnknownItem: There is no such kind, budget or threshold, or the owner has twenty.
        :raises ValueError: ``spender`` or ``every`` is given, and it is none of a budget.
        """
        if kind != "budget" and (spender, every) != (None, None):
            raise ValueError(f"spender and every are of an alert of a budget. Leave them out of {kind!r}.")
        return alerts.put(self, owner, kind, threshold, spender=spender, every=every)

    def alerts(self: Context, owner: str) -> Sequence[Alert]:
        """The owner's alerts."""
        check_owner(owner)
        return alerts.of(self.session, owner)

    def remove_alert(self: Context, owner: str, alert_id: int) -> None:
        """Take an alert away. Commits.

        :raises NotYours: It is none of the owner's.
        """
        alerts.remove(self, owner, checks.row_id("alert_id", alert_id))

    def add_endpoint(
        self: OutboxContext, owner: str, url: str, *, events: Iterable[str] = ()
    ) -> WebhookEndpoint:
        """Send what ``owner`` is told to a URL of theirs, too, as Standard Webhooks has it. Commits.

        :param url: Begins with ``https://``, and leads to a public address.
        :param events: The types that it is sent, such as ``"credits.added"``; none is all.
        :returns: Its ``secret`` proves what is sent. A repeat with the same events finds it.
        :raises UnknownItem: It is no such URL, a type is none, or the owner has ten.
        :raises TooManyAttempts: The owner has asked for very many within a minute.
        :raises ValueError: The URL is no text, or the events are one.
        """
        checks.words("url", url)
        if isinstance(events, str):
            raise ValueError(f"events are {events!r:.60}. Write a list, such as ['credits.added'].")
        return endpoints.add(self, owner, url, events)

    def endpoints(self: Context, owner: str) -> Sequence[WebhookEndpoint]:
        """The owner's endpoints, the oldest first."""
        check_owner(owner)
        return endpoints.of(self.session, owner)

    def switch_endpoint(self: Context, owner: str, endpoint_id: int, *, on: bool) -> WebhookEndpoint:
        """Send webhooks to an endpoint, or not any more. Commits. A repeat does nothing.

        What waits for it goes out in order once it is on. While its owner has it off, nothing new waits.

        :raises NotYours: It is none of the owner's.
        """
        return endpoints.switch(self, owner, checks.row_id("endpoint_id", endpoint_id), on=on)

    def remove_endpoint(self: Context, owner: str, endpoint_id: int) -> None:
        """Take an endpoint away, with what waits for it. Commits.

        :raises NotYours: It is none of the owner's.
        """
        endpoints.remove(self, owner, checks.row_id("endpoint_id", endpoint_id))

    def test_endpoint(self: OutboxContext, owner: str, endpoint_id: int) -> WebhookAnswer:
        """Send a test to an endpoint now; what it answered. Commits. It takes up to 15 seconds.

        :raises NotYours: It is none of the owner's.
        :raises TooManyCalls: Ten were sent by hand within a minute.
        """
        return sent_webhooks.test(self, owner, checks.row_id("endpoint_id", endpoint_id))

    def rotate_endpoint_secret(self: Context, owner: str, endpoint_id: int) -> str:
        """Sign an endpoint's webhooks under a new secret; the new one. Commits.

        For a day they are signed under the one before, too, as Standard Webhooks allows: the customer's
        program changes it whenever it likes within that day. Called again within it, the secret from
        before the first call goes on signing to the end of that day.

        :raises NotYours: It is none of the owner's.
        """
        return endpoints.rotate(self, owner, checks.row_id("endpoint_id", endpoint_id))

    def deliveries(
        self: OutboxContext, owner: str, endpoint_id: int, limit: int = 50, *, before: int | None = None
    ) -> list[SentWebhook]:
        """What an endpoint was sent within 30 days, and what waits for it, the latest first.

        :param before: Only those before the delivery of this ``id``.
        :raises NotYours: It is none of the owner's.
        """
        checks.row_id("endpoint_id", endpoint_id)
        return sent_webhooks.sent(self, owner, endpoint_id, limit=limit, before=before)

    def send_again(self: Context, owner: str, delivery_id: int) -> Delivery:
        """Send a message to its endpoint once more, under the same id. Commits; ``tick`` sends it.

        :raises NotYours: It was none of the owner's.
        :raises UnknownItem: The endpoint is off.
        :raises TooManyCalls: Ten were sent by hand within a minute.
        """
        return sent_webhooks.send_again(self, owner, checks.row_id("delivery_id", delivery_id))

    def mails(self: Context, owner: str, limit: int = 50, *, text: str = "") -> Sequence[MailRecord]:
        """Which mails the owner was sent within a year, the latest first.

        :param text: Only those that have it in their address, subject, or template's name.
        :raises ValueError: It is no text, or no such owner can be.
        """
        check_owner(owner)
        checks.words("text", text)
        return mail_log.of(self.session, owner, text=text, limit=limit)

    def note_mail(
        self: Context, owner: str, *, address: str, name: str, subject: str, error: Exception | None = None
    ) -> None:
        """Put a mail of your own into the log that operators read. Commits. Its text is not kept.

        :param name: Which mail it is, such as ``"welcome"``.
        :param error: What went wrong when it was sent; its class is kept.
        :raises ValueError: One of the others is no text, or no such owner can be.
        """
        check_owner(owner)
        for field, written in (("address", address), ("name", name), ("subject", subject)):
            checks.words(field, written)
        with transaction(self) as session:
            sent = SentMail(address, name, subject, error)
            mail_log.note(session, owner, sent, uid=None, now=self.clock())
