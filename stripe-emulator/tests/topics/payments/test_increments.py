"""More is held of a card, before it is captured."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from ..shop import Shop, envelope

ASKS: Any = {"card": {"request_incremental_authorization": "if_available"}}


def test_a_hotel_holds_more_and_captures_it(shop: Shop) -> None:
    held = shop.charge(amount=2000, capture_method="manual", payment_method_options=ASKS)
    shop.listen()

    more = shop.v1.payment_intents.increment_authorization(held.id, {"amount": 3500, "description": "Bar"})

    assert (more.amount, more.amount_capturable, more.description) == (3500, 3500, "Bar")
    assert shop.listen() == ["charge.updated", "payment_intent.amount_capturable_updated"]
    assert shop.v1.payment_intents.capture(held.id, {"amount_to_capture": 3000}).amount_received == 3000
    charge = shop.v1.charges.retrieve(str(held.latest_charge))
    assert (charge.amount, charge.amount_captured, charge.amount_refunded) == (3500, 3000, 500)


@pytest.mark.parametrize(
    ("how", "amount", "param"),
    [
        ({"capture_method": "manual", "payment_method_options": ASKS}, 2000, "amount"),
        ({"capture_method": "manual"}, 3000, None),
        ({"payment_method_options": ASKS}, 3000, None),
    ],
)
def test_what_can_not_be_incremented_stays_as_it_is(shop: Shop, how: Any, amount: int, param: str) -> None:
    held = shop.charge(amount=2000, **how)

    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.v1.payment_intents.increment_authorization(held.id, {"amount": amount})

    assert envelope(refused.value).get("param") == param
    assert shop.v1.payment_intents.retrieve(held.id).amount == 2000
