"""Who listens to what a customer is told, and what each event tells."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from flask_prepaid.outbox.models import MailRecord
from flask_prepaid.outbox.summary import waiting_count
from flask_prepaid.outbox.webhooks.http import Poster, WebhookAnswer

from .cell import PayerCell, Waits

#: An owner without an address, and one whose mails the host's mailer does not send.
NOBODY, FULL = "nobody:1", "full:1"


def address_of(owner: str) -> str | None:
    return None if owner == NOBODY else f"{owner.replace(':', '')}@shop.example"


def send(address: str, subject: str, text: str) -> None:
    """The host's mailer."""
    if address == address_of(FULL):
        raise OSError("The mailbox is full.")


@dataclass(frozen=True)
class Programs(Poster):
    """Customers' programs, which answer what their address says: ``https://hooks.example/410``."""

    heard: list[str] = field(default_factory=list)

    def post(self, url: str, secrets: Sequence[str], *, uid: str, body: str) -> WebhookAnswer:
        status = int(url.rpartition("/")[2])
        if status != 200:
            return WebhookAnswer(status, f"It answered {status}.")
        self.heard.append(json.loads(body)["type"])
        return WebhookAnswer(status, "")


class ToldCell(PayerCell):
    """A customer with 100 bought credits, an alert at 50, and a program that hears webhooks."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self.programs = Programs(local=False, resolve=lambda host, port: ["93.184.215.14"])
        self.read(lambda: setattr(self.shop.prepaid.outbox, "poster", self.programs))
        self.mails_before = 0

    def bring_about(self) -> None:
        self.owner = {"no address": NOBODY, "mailbox full": FULL}.get(self.state, self.owner)
        self.shop.pay(self.shop.buy(self.owner))
        self.read(lambda: self.shop.prepaid.set_alert(self.owner, "balance", 50))
        super().bring_about()
        self.shop.tick()
        self.mails_before = len(self.mails())

    def come_to(self, event: str) -> str:
        self.programs.heard.clear()
        came = super().come_to(event)
        if came == "refused":
            return came
        self.shop.tick()
        self.shop.tick()  # which must have nothing more to tell
        return self.shown()

    def shown(self) -> str:
        """The mails that were sent, the webhooks that were heard, and how many messages wait."""
        rows = reversed(self.mails()[: len(self.mails()) - self.mails_before])
        sent = [row.name for row in rows if not row.error]
        waits = self.read(lambda: waiting_count(self.shop.prepaid.session))
        words = [*sent, *self.programs.heard, *([f"{waits} wait"] if waits else [])]
        return ", ".join(words) or "nothing"

    def mails(self) -> Sequence[MailRecord]:
        rows: Sequence[MailRecord] = self.read(lambda: self.shop.prepaid.mails(self.owner))
        return rows

    def hook(self, answer: int = 200) -> int:
        url = f"https://hooks.example/{answer}"
        return int(self.read(lambda: self.shop.prepaid.add_endpoint(self.owner, url).id))

    # States

    def listening(self) -> None:
        self.hook()

    def low(self) -> None:
        self.hook()
        self.spend(60)

    def failing(self) -> None:
        self.hook(500)

    def gone(self) -> None:
        self.hook(410)

    def off(self) -> None:
        endpoint_id = self.hook()
        self.read(lambda: self.shop.prepaid.switch_endpoint(self.owner, endpoint_id, on=False))

    def no_address(self) -> None:
        self.hook()

    def mailbox_full(self) -> None:
        self.hook()

    def closed(self) -> None:
        self.hook()
        super().on_leave()

    # Events

    def on_spend_some(self) -> None:
        self.spend(5)

    def on_spend_most(self) -> None:
        self.spend(90 if self.state != "low" else 30)

    def on_recover(self) -> Waits:
        self.on_spend_most()
        yield timedelta(minutes=1)
        super().on_buy()
        yield timedelta(minutes=1)
        self.spend(80)

    def on_adjust(self) -> None:
        self.adjust(-10)

    def on_plan(self) -> None:
        self.shop.subscribe("small", self.owner)
