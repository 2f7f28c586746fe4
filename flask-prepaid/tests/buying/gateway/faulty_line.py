"""A shop whose Stripe is at the other end of a line with faults, and what happens on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL

from flask_prepaid.gateway import timeouts
from flask_prepaid.payments.models import PaymentState
from stripe_emulator import Emulator

from ..shop import Shop
from .wire import FINE, Fault, Hurried, Wire, free_port, served

#: How long the app waits for an answer: on a good line, and where the test is about its patience.
PATIENT_S, IMPATIENT_S = 60.0, 0.3


class FaultyLine:
    """A shop with one customer, whose card is on file, and the line to Stripe."""

    def __init__(self, shop: Shop, wire: Wire, session: timeouts.Session) -> None:
        self.shop = shop
        self.wire = wire
        self.session = session
        self.card = shop.keep_card()

    def break_by(self, fault: Fault, *, attempt_s: float = PATIENT_S) -> None:
        self.wire.fault = fault
        self.session.attempt_s, self.session.call_s = attempt_s, 2 * attempt_s

    def mend(self) -> None:
        self.break_by(FINE)

    def charge_through(self, fault: Fault) -> PaymentState:
        """Press the button while the line is bad; what came of it in the end, with the line mended."""
        self.break_by(fault)
        self.shop.press(self.card)
        self.mend()
        self.shop.put_right(ticks=1)
        return self.shop.payments()[-1].state

    def adds_up(self) -> bool:
        """Whether each charge at Stripe has its credits, and the other way round."""
        paid = sum(payment.state is PaymentState.PAID for payment in self.shop.payments())
        charges = len(self.shop.charges())
        return paid == charges and self.shop.balance() == 100 * charges


@contextmanager
def line_to_stripe(database: URL) -> Iterator[FaultyLine]:
    emulator = Emulator()
    with served(emulator.app, free_port()) as address:
        wire = Wire(int(address.rsplit(":", 1)[1]))
        session = timeouts.Session(attempt_s=PATIENT_S, call_s=2 * PATIENT_S)
        shop = Shop(
            database,
            webhooks=False,
            emulator=emulator,
            http_client=Hurried(session=session),
            PREPAID_STRIPE_API_BASE=wire.url,
        )
        try:
            yield FaultyLine(shop, wire, session)
            shop.close()
        finally:
            session.close()
            wire.close()
