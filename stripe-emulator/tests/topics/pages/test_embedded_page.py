"""The whole hosted page in a frame on the shop's page: where it leads once it is paid."""

from __future__ import annotations

from typing import Any

import pytest

from ..shop import Shop

CARD = {"card_number": "4242 4242 4242 4242", "card_expiry": "12/34", "card_cvc": "123", "name": "Jo Doe"}
THANKS = "https://shop.example/thanks"


@pytest.mark.parametrize(
    ("wanted", "leaves"), [(None, True), ("always", True), ("if_required", False), ("never", False)]
)
def test_the_page_in_a_frame_leads_back_unless_the_shop_stays(
    shop: Shop, wanted: str | None, leaves: bool
) -> None:
    line = {"price": shop.price(2000, recurring=None), "quantity": 1}
    form: Any = {"mode": "payment", "ui_mode": "embedded_page", "line_items": [line]}
    settings = {} if wanted is None else {"redirect_on_completion": wanted}
    back = {} if wanted == "never" else {"return_url": THANKS}
    session = shop.v1.checkout.sessions.create(form | settings | back)

    page = shop.emulator.browser().post(f"/pay/{session.id}", data={"email": "jo@example.com", **CARD})

    assert session.redirect_on_completion == (wanted or "always")
    assert page.status_code == 200
    assert (THANKS in page.text) is leaves
    assert shop.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"
