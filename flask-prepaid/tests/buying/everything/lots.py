"""How a pack gets into each of its states, and what each event does to it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

from flask_prepaid.catalog import Pack
from flask_prepaid.context import write_now
from flask_prepaid.purchases.money_back import refunds
from flask_prepaid.purchases.money_back.disputes.dispute_sync import apply_dispute

from .cell import Cell, Waits

PACK = "bonus"
FAILS_LATER = "4000000000005126"


class LotCell(Cell):
    """A customer who has bought 120 credits for $10.00."""

    after: ClassVar = {"lapsed": timedelta(days=31)}

    @property
    def payment(self) -> Any:
        return next(payment for payment in self.shop.payments(self.owner) if payment.pack == PACK)

    @classmethod
    def card_for(cls, event: str) -> str:
        return FAILS_LATER if event == "failed refund" else super().card_for(event)

    def bought(self) -> None:
        self.shop.stripe.pay(self.shop.buy(self.owner, pack=PACK), card=self.card)

    def dispute(self, **how: Any) -> str:
        return str(self.shop.stripe.dispute(self.payment.payment_intent_id, **how)["id"])

    def end(self, outcome: str) -> None:
        disputes = self.shop.dashboard().v1.disputes.list({"payment_intent": self.payment.payment_intent_id})
        opened = disputes.data[0].id if disputes.data else self.dispute()
        self.shop.stripe.dispute(dispute=opened, outcome=outcome)

    # States

    def whole(self) -> None:
        self.bought()

    def spent(self) -> None:
        self.bought()
        self.spend(40)

    def used_up(self) -> None:
        self.bought()
        self.spend(120)

    def held(self) -> None:
        self.bought()
        self.read(lambda: self.shop.prepaid.hold(self.owner, 40, key="job"))

    def lapsed(self) -> None:
        self.spent()

    def half_back(self) -> None:
        self.bought()
        self.refund(500)

    def refunded(self) -> None:
        self.bought()
        self.refund()

    def disputed(self) -> None:
        self.bought()
        self.dispute()

    def free(self) -> None:
        session = self.shop.buy(self.owner, pack=PACK)
        typed = self.shop.stripe.browser().post(f"/pay/{session}/promotion", data={"promotion_code": "ALL"})
        assert typed.status_code < 400
        self.shop.pay(session)

    # Events

    def refund(self, amount_minor: int | None = None) -> None:
        payment_id = self.payment.id
        self.read(
            lambda: refunds.refund(
                self.shop.prepaid, payment_id, amount_minor=amount_minor, reason="asked for"
            )
        )
        self.shop.stripe.deliver()

    def on_refund(self) -> None:
        self.refund()

    def on_half_refund(self) -> None:
        self.refund(500)

    def on_failed_refund(self) -> Waits:
        self.refund()
        yield timedelta(minutes=5)

    def on_adjust(self) -> None:
        self.adjust(-50)

    def on_adjust_refund(self) -> None:
        self.adjust(-20)
        self.refund()

    def on_dispute(self) -> None:
        self.dispute()

    def on_half_dispute(self) -> None:
        self.dispute(amount=500)

    def on_growing(self) -> None:
        self.shop.stripe.dispute(dispute=self.dispute(amount=500), amount=1_000)

    def on_shrinking(self) -> None:
        self.shop.stripe.dispute(dispute=self.dispute(), amount=500)

    def on_lost(self) -> None:
        self.end("lost")

    def on_won(self) -> None:
        self.end("won")

    def on_inquiry(self) -> None:
        self.dispute(reason="inquiry")

    def on_won_late(self) -> Waits:
        disputes = self.shop.dashboard().v1.disputes.list({"payment_intent": self.payment.payment_intent_id})
        opened = disputes.data[0].id if disputes.data else self.dispute()
        yield timedelta(days=31)
        # Nobody has answered the bank, so it is over at Stripe: an appeal brings the money back.
        self.read(lambda: self.appeal(opened))

    def appeal(self, dispute_id: str) -> None:
        fetched = self.shop.prepaid.gateway.disputes.fetch(dispute_id)
        assert fetched is not None
        won = type(fetched)(**{**vars(fetched), "status": "won"})
        write_now(self.shop.prepaid, lambda: apply_dispute(self.shop.prepaid, won))

    def on_lapse(self) -> Waits:
        yield timedelta(days=31)

    def on_new_price(self) -> None:
        packs = self.shop.prepaid.catalog.packs
        before = packs[PACK]
        packs[PACK] = Pack(PACK, credits=100, amount_minor=2_000)
        try:
            self.refund()
        finally:
            packs[PACK] = before
