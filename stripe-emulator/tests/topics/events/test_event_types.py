"""What an endpoint is sent that names the types it hears."""

from __future__ import annotations

from ..shop import Shop


def test_an_endpoint_that_names_its_types_is_sent_no_others(shop: Shop) -> None:
    shop.emulator.hear("charge.succeeded", "refund.created")
    intent = shop.charge()
    shop.v1.refunds.create({"payment_intent": intent.id})
    shop.emulator.deliver()
    named = list(shop.heard)
    shop.emulator.hear("*")
    shop.charge()
    shop.emulator.deliver()

    assert named == ["charge.succeeded", "refund.created"]
    assert "payment_intent.succeeded" in shop.heard[len(named) :]
