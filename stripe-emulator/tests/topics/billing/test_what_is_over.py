"""What is past its end begins nothing: it is refused when it is named, and not weeks later by the clock."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from ..shop import Shop


def over(shop: Shop, what: str) -> dict[str, Any]:
    """A discount whose coupon or code is over."""
    soon = shop.emulator.now() + 60
    coupon = shop.v1.coupons.create({"percent_off": 50, **({"redeem_by": soon} if "coupon" in what else {})})
    of_coupon: Any = {"type": "coupon", "coupon": coupon.id}
    form: Any = {"promotion": of_coupon, **({"expires_at": soon} if what == "a code" else {})}
    code = shop.v1.promotion_codes.create(form)
    shop.advance(minutes=2)
    return {"coupon": coupon.id} if what == "a coupon" else {"promotion_code": code.id}


@pytest.mark.parametrize("what", ["a coupon", "a code", "a code of a coupon"])
@pytest.mark.parametrize("where", ["phase", "item", "extra"])
def test_a_phase_that_begins_later_takes_no_discount_that_is_over(shop: Shop, what: str, where: str) -> None:
    customer, discount = shop.customer(), over(shop, what)
    item: Any = {"price": shop.price(1000)}
    extra: Any = {"price": shop.price(500, recurring=None)}
    phase: Any = {"items": [item], "add_invoice_items": [extra]}
    {"phase": phase, "item": item, "extra": extra}[where]["discounts"] = [discount]

    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.v1.subscription_schedules.create(
            {"customer": customer, "start_date": shop.emulator.now() + 3600, "phases": [phase]}
        )

    assert refused.value.code == ("promotion_code_expired" if what == "a code" else "coupon_expired")
    assert str(refused.value.param).endswith(f"[discounts][0][{next(iter(discount))}]")


def test_a_discount_that_a_schedule_has_goes_on_when_its_coupon_is_over(shop: Shop) -> None:
    soon = shop.emulator.now() + 60
    coupon = shop.v1.coupons.create({"percent_off": 50, "duration": "forever", "redeem_by": soon})
    phase: Any = {"items": [{"price": shop.price(1000)}], "discounts": [{"coupon": coupon.id}]}
    schedule = shop.v1.subscription_schedules.create(
        {"customer": shop.customer(), "start_date": shop.emulator.now() + 3600, "phases": [phase]}
    )
    shop.advance(minutes=2)

    again: Any = {**phase, "start_date": schedule.phases[0].start_date}
    changed = shop.v1.subscription_schedules.update(schedule.id, {"phases": [again]})

    assert changed.phases[0].discounts[0].coupon == coupon.id


@pytest.mark.parametrize("what", ["a code", "a code of a coupon"])
def test_a_quote_takes_no_code_that_is_over(shop: Shop, what: str) -> None:
    form: Any = {"customer": shop.customer(), "line_items": [{"price": shop.price()}]}
    form["discounts"] = [over(shop, what)]

    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.v1.quotes.create(form)

    assert refused.value.param == "discounts[0][promotion_code]"


def test_a_quote_that_is_over_gets_no_more_time(shop: Shop) -> None:
    form: Any = {"customer": shop.customer(), "line_items": [{"price": shop.price()}]}
    form["expires_at"] = shop.emulator.now() + 60
    quote = shop.v1.quotes.create(form)
    shop.advance(minutes=2)

    with pytest.raises(stripe.InvalidRequestError, match="Only drafts can be updated"):
        shop.v1.quotes.update(quote.id, {"expires_at": shop.emulator.now() + 3600})

    shop.v1.quotes.update(quote.id, {"metadata": {"asked": "again"}})
    shop.advance(days=60)
    assert shop.v1.quotes.retrieve(quote.id).status == "canceled"


def test_billing_credits_that_are_void_get_no_other_end(shop: Shop) -> None:
    form: Any = {
        "customer": shop.customer(),
        "amount": {"type": "monetary", "monetary": {"value": 500, "currency": "usd"}},
        "applicability_config": {"scope": {"price_type": "metered"}},
        "category": "paid",
    }
    grant = shop.v1.billing.credit_grants.create(form)
    shop.v1.billing.credit_grants.void_grant(grant.id)

    with pytest.raises(stripe.InvalidRequestError, match="voided already"):
        shop.v1.billing.credit_grants.update(grant.id, {"expires_at": shop.emulator.now() + 3600})
