"""A link into the portal that leads to one thing to do, and back to the shop."""

from __future__ import annotations

from typing import Any

import pytest
import stripe
from werkzeug.test import Client

from ..shop import Shop

BACK = {"type": "redirect", "redirect": {"return_url": "https://shop.example/done"}}
CARD = {"card_number": "5555 5555 5555 4444", "card_expiry": "12/34", "card_cvc": "123"}


def begin(shop: Shop, customer: str, **flow: Any) -> tuple[Client, str]:
    """Follow the link of a flow: the browser, and the page that it is led to."""
    form: Any = {"customer": customer, "flow_data": {"after_completion": BACK, **flow}}
    session = shop.v1.billing_portal.sessions.create(form)
    browser = shop.emulator.browser()
    led = browser.get(session.url)
    assert led.status_code == 303
    return browser, led.headers["Location"]


def subscriber(shop: Shop) -> tuple[str, stripe.Subscription]:
    customer = shop.customer()
    return customer, shop.subscribe(customer, shop.price(1000))


def test_who_comes_to_cancel_cancels_and_goes_back(shop: Shop) -> None:
    customer, plan = subscriber(shop)
    browser, page = begin(
        shop, customer, type="subscription_cancel", subscription_cancel={"subscription": plan.id}
    )
    shown = browser.get(page).get_data(as_text=True)
    done = browser.post(page)

    assert "Cancel your plan" in shown
    assert done.headers["Location"] == "https://shop.example/done"
    assert shop.subscription(plan.id).cancel_at_period_end


def test_who_is_offered_a_discount_may_stay(shop: Shop) -> None:
    customer, plan = subscriber(shop)
    coupon = shop.v1.coupons.create({"percent_off": 50, "name": "Half"})
    retention = {"type": "coupon_offer", "coupon_offer": {"coupon": coupon.id}}
    browser, page = begin(
        shop,
        customer,
        type="subscription_cancel",
        subscription_cancel={"subscription": plan.id, "retention": retention},
    )
    shown = browser.get(page).get_data(as_text=True)
    browser.post(page, data={"do": "stay"})

    assert "Stay, with Half" in shown
    assert not shop.subscription(plan.id).cancel_at_period_end
    assert len(shop.subscription(plan.id).discounts) == 1


def test_who_comes_to_confirm_a_change_sees_its_price_and_confirms(shop: Shop) -> None:
    customer, plan = subscriber(shop)
    better = shop.price(3000, "Platinum")
    item = {"id": plan["items"].data[0].id, "price": better, "quantity": 2}
    browser, page = begin(
        shop,
        customer,
        type="subscription_update_confirm",
        subscription_update_confirm={"subscription": plan.id, "items": [item]},
    )
    shown = browser.get(page).get_data(as_text=True)
    done = browser.post(page.partition("?")[0], data={"price": better, "quantity": "2"})

    assert "Platinum" in shown
    assert done.headers["Location"] == "https://shop.example/done"
    changed = shop.subscription(plan.id)["items"].data[0]
    assert (changed.price.id, changed.quantity) == (better, 2)


@pytest.mark.parametrize("kind", ["coupon", "promotion_code"])
def test_a_change_with_a_discount_that_is_over_is_refused_when_the_link_is_made(
    shop: Shop, kind: str
) -> None:
    customer, plan = subscriber(shop)
    over = shop.emulator.now() + 60
    coupon = shop.v1.coupons.create({"percent_off": 50, "redeem_by": over})
    of_coupon: Any = {"type": "coupon", "coupon": coupon.id}
    code = shop.v1.promotion_codes.create({"promotion": of_coupon, "expires_at": over})
    shop.advance(minutes=2)
    item = {"id": plan["items"].data[0].id, "price": shop.price(3000), "quantity": 1}

    with pytest.raises(stripe.InvalidRequestError) as refused:
        begin(
            shop,
            customer,
            type="subscription_update_confirm",
            subscription_update_confirm={
                "subscription": plan.id,
                "items": [item],
                "discounts": [{kind: coupon.id if kind == "coupon" else code.id}],
            },
        )

    assert refused.value.code == f"{kind}_expired"
    assert refused.value.param == f"flow_data[subscription_update_confirm][discounts][0][{kind}]"


def test_who_comes_to_change_a_plan_chooses_among_those_of_the_configuration(shop: Shop) -> None:
    customer, plan = subscriber(shop)
    offered, other = shop.price(3000, "Platinum"), shop.price(9000, "Diamond")
    product = str(shop.v1.prices.retrieve(offered).product)
    configuration = shop.v1.billing_portal.configurations.create(
        {
            "features": {
                "subscription_update": {
                    "enabled": True,
                    "default_allowed_updates": ["price"],
                    "products": [{"product": product, "prices": [offered]}],
                    "proration_behavior": "always_invoice",
                }
            }
        }
    )
    session = shop.v1.billing_portal.sessions.create(
        {
            "customer": customer,
            "configuration": configuration.id,
            "flow_data": {"type": "subscription_update", "subscription_update": {"subscription": plan.id}},
        }
    )
    browser = shop.emulator.browser()
    page = browser.get(session.url).headers["Location"]
    choices = browser.get(page).get_data(as_text=True)
    confirm = browser.get(f"{page}?price={offered}").get_data(as_text=True)
    done = browser.post(page, data={"price": offered})

    assert "Platinum" in choices
    assert "Diamond" not in choices
    assert "You pay $20.00 now" in confirm
    assert done.headers["Location"].endswith("?done=updated")
    assert "Your plan has been changed." in browser.get(done.headers["Location"]).get_data(as_text=True)
    assert browser.post(page, data={"price": other}).status_code == 404
    assert shop.latest(customer).amount_paid == 2000


def test_who_comes_to_change_the_card_leaves_another_that_pays_then(shop: Shop) -> None:
    customer, _ = subscriber(shop)
    browser, page = begin(shop, customer, type="payment_method_update")
    wrong = browser.post(page, data=CARD | {"card_number": "4000000000000002"})
    done = browser.post(page, data=CARD)
    method = shop.v1.customers.retrieve(customer, {"expand": ["invoice_settings.default_payment_method"]})

    assert wrong.status_code == 402
    assert done.headers["Location"] == "https://shop.example/done"
    assert method.invoice_settings is not None
    assert isinstance(method.invoice_settings.default_payment_method, stripe.PaymentMethod)
    assert method.invoice_settings.default_payment_method.card is not None
    assert method.invoice_settings.default_payment_method.card.brand == "mastercard"


def test_a_card_whose_bank_asks_pays_after_the_banks_page(shop: Shop) -> None:
    customer, _ = subscriber(shop)
    browser, page = begin(shop, customer, type="payment_method_update")
    bank = browser.post(page, data=CARD | {"card_number": "4000002760003184"}).headers["Location"]
    secret = bank.partition("client_secret=")[2]
    form = {"client_secret": secret, "outcome": "complete"}
    back = browser.post(bank.partition("?")[0], data=form).headers["Location"]
    done = browser.get(back)

    assert done.headers["Location"] == "https://shop.example/done"


def test_a_flow_may_end_with_a_word_and_is_done_once(shop: Shop) -> None:
    customer, plan = subscriber(shop)
    after = {"type": "hosted_confirmation", "hosted_confirmation": {"custom_message": "See you."}}
    browser, page = begin(
        shop,
        customer,
        type="subscription_cancel",
        subscription_cancel={"subscription": plan.id},
        after_completion=after,
    )
    done = browser.post(page)

    assert "See you." in done.get_data(as_text=True)
    home = page.rpartition("/cancel")[0]
    assert browser.get(home).status_code == 200


def test_a_flow_that_is_not_offered_or_makes_no_sense_is_refused(shop: Shop) -> None:
    customer, plan = subscriber(shop)
    item = plan["items"].data[0]
    nothing = shop.v1.billing_portal.configurations.create(
        {"features": {"invoice_history": {"enabled": True}}}
    )

    def refused(configuration: str | None = None, **flow: Any) -> str:
        form: Any = {"customer": customer, "flow_data": flow}
        if configuration:
            form["configuration"] = configuration
        with pytest.raises(stripe.InvalidRequestError) as error:
            shop.v1.billing_portal.sessions.create(form)
        return str(error.value)

    same = {"subscription": plan.id, "items": [{"id": item.id, "price": item.price.id}]}
    cancel: Any = {"type": "subscription_cancel", "subscription_cancel": {"subscription": plan.id}}
    assert "nothing would be updated" in refused(
        type="subscription_update_confirm", subscription_update_confirm=same
    )
    assert "portal configuration is disabled" in refused(nothing.id, **cancel)
    assert "Missing required param" in refused(type="subscription_cancel")
    other, others_plan = subscriber(shop)
    assert "No such subscription" in refused(
        type="subscription_cancel", subscription_cancel={"subscription": others_plan.id}
    )
    shop.update(plan.id, cancel_at_period_end=True)
    assert "already set to be canceled" in refused(**cancel)
    assert other != customer
