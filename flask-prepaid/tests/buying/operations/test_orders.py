"""A payment's whole life, heard of in any order: a sample of what ``./dev campaign orders`` runs in full."""

from __future__ import annotations

import random

from flask_prepaid.context import transaction
from flask_prepaid.payments.models import Payment, PaymentState
from flask_prepaid.payments.outcome import applying
from flask_prepaid.purchases.money_back.disputes import dispute_sync

from ..shop import Shop
from .orders import ALL, SEED, THE_END, Life, end_of, ends_of


def test_every_order_of_events_ends_in_one_state(deaf_shop: Shop) -> None:
    assert ends_of(deaf_shop, random.Random(SEED).sample(ALL, 4)) == {THE_END}


def test_a_fetch_that_was_held_back_does_not_overwrite_a_later_one(shop: Shop) -> None:
    life = Life(shop, "user:1")
    life.reach(5)
    early = shop.read(lambda: shop.prepaid.gateway.disputes.fetch(life.opened))
    life.reach(6)

    def come_late() -> None:
        with transaction(shop.prepaid):
            dispute_sync.apply_dispute(shop.prepaid, early)

    before = shop.read(lambda: end_of(shop, "user:1"))
    shop.read(come_late)

    assert shop.read(lambda: end_of(shop, "user:1")) == before


def test_a_page_fetched_while_it_was_open_does_not_open_an_expired_one_again(shop: Shop) -> None:
    session = shop.buy()
    early = shop.at_stripe(session)
    shop.stripe.advance(hours=25)
    assert shop.payments()[0].state is PaymentState.EXPIRED

    def come_late() -> None:
        with transaction(shop.prepaid) as session:
            applying.apply(shop.prepaid, session.get_one(Payment, 1), early)

    shop.read(come_late)

    assert shop.payments()[0].state is PaymentState.EXPIRED
