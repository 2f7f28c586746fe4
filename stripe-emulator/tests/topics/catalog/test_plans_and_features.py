"""Plans by their older name, shipping rates, and the features that a product brings."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from ..shop import Shop


def plan_of(shop: Shop, **more: Any) -> stripe.Plan:
    form: Any = {"currency": "usd", "interval": "month", "amount": 2000, "product": {"name": "Gold"}, **more}
    return shop.v1.plans.create(form)


def test_a_plan_is_a_price_under_the_same_id(shop: Shop) -> None:
    plan = plan_of(shop, id="gold", interval_count=3, trial_period_days=7, metadata={"a": "b"})
    price = shop.v1.prices.retrieve("gold")
    subscription = shop.subscribe(shop.customer(), plan.id)

    assert (plan.id, plan.amount, plan.interval, plan.interval_count) == ("gold", 2000, "month", 3)
    assert price.recurring is not None
    assert (price.unit_amount, price.recurring.interval_count) == (2000, 3)
    assert subscription.status == "active"
    assert [each.id for each in shop.v1.plans.list({"active": True}).data] == ["gold"]
    assert {"plan.created", "price.created"} <= set(shop.listen())


def test_a_plan_is_changed_and_deleted_and_who_pays_by_it_goes_on(shop: Shop) -> None:
    plan = plan_of(shop)
    subscription = shop.subscribe(shop.customer(), plan.id)
    changed = shop.v1.plans.update(plan.id, {"nickname": "Old gold", "active": False})
    shop.v1.plans.delete(plan.id)

    assert (changed.nickname, changed.active) == ("Old gold", False)
    with pytest.raises(stripe.InvalidRequestError, match="No such plan"):
        shop.v1.plans.retrieve(plan.id)
    shop.advance(months=1, hours=2)
    assert len(shop.invoices(str(subscription.customer))) == 2
    assert {"plan.updated", "plan.deleted"} <= set(shop.listen())


def test_a_plan_that_is_there_or_lacks_its_product_is_refused(shop: Shop) -> None:
    plan_of(shop, id="gold")

    with pytest.raises(stripe.InvalidRequestError, match="already exists"):
        plan_of(shop, id="gold")
    with pytest.raises(stripe.InvalidRequestError, match="product"):
        shop.v1.plans.create({"currency": "usd", "interval": "month", "amount": 1})
    with pytest.raises(stripe.InvalidRequestError, match="No such plan"):
        shop.v1.plans.retrieve(shop.price(recurring=None))


def test_a_shipping_rate_has_a_price_in_each_currency(shop: Shop) -> None:
    rate = shop.v1.shipping_rates.create(
        {
            "display_name": "Post",
            "type": "fixed_amount",
            "fixed_amount": {"amount": 500, "currency": "usd", "currency_options": {"eur": {"amount": 450}}},
            "delivery_estimate": {"minimum": {"unit": "business_day", "value": 2}},
        }
    )
    archived = shop.v1.shipping_rates.update(rate.id, {"active": False})

    assert rate.fixed_amount is not None
    assert (rate.active, rate.fixed_amount.amount, archived.active) == (True, 500, False)
    assert shop.v1.shipping_rates.list({"active": True}).data == []
    assert [each.id for each in shop.v1.shipping_rates.list({"currency": "usd"}).data] == [rate.id]
    with pytest.raises(stripe.InvalidRequestError, match="fixed_amount"):
        shop.v1.shipping_rates.create({"display_name": "Post"})


def a_feature(shop: Shop, key: str = "api") -> stripe.entitlements.Feature:
    return shop.v1.entitlements.features.create({"name": "API access", "lookup_key": key})


def entitled(shop: Shop, customer: str) -> list[str]:
    return [
        each.lookup_key for each in shop.v1.entitlements.active_entitlements.list({"customer": customer}).data
    ]


def test_a_subscription_entitles_to_the_features_of_its_products(shop: Shop) -> None:
    feature = a_feature(shop)
    price = shop.v1.prices.retrieve(shop.price())
    shop.v1.products.features.create(str(price.product), {"entitlement_feature": feature.id})
    customer = shop.customer()
    before = entitled(shop, customer)
    subscription = shop.subscribe(customer, price.id)
    during = entitled(shop, customer)
    shop.v1.subscriptions.cancel(subscription.id)

    assert (before, during, entitled(shop, customer)) == ([], ["api"], [])
    heard = [each for each in shop.listen() if each.startswith("entitlements")]
    assert heard == ["entitlements.active_entitlement_summary.updated"] * 2


def test_a_first_payment_that_fails_entitles_to_nothing(shop: Shop) -> None:
    price = shop.v1.prices.retrieve(shop.price())
    shop.v1.products.features.create(str(price.product), {"entitlement_feature": a_feature(shop).id})
    customer = shop.customer("pm_card_chargeCustomerFail")
    shop.subscribe(customer, price.id)

    assert entitled(shop, customer) == []


def test_a_product_shows_its_features_as_they_are_now(shop: Shop) -> None:
    feature = a_feature(shop)
    product = shop.v1.products.create({"name": "Gold"}).id
    held = shop.v1.products.features.create(product, {"entitlement_feature": feature.id})
    shop.v1.entitlements.features.update(feature.id, {"name": "Faster API"})

    (listed,) = shop.v1.products.features.list(product).data
    assert (listed.id, listed.entitlement_feature.name) == (held.id, "Faster API")
    assert shop.v1.products.features.delete(product, held.id).deleted
    assert shop.v1.products.features.list(product).data == []


def test_a_feature_is_attached_once_and_archived_by_hand(shop: Shop) -> None:
    feature = a_feature(shop)
    product = shop.v1.products.create({"name": "Gold"}).id
    shop.v1.products.features.create(product, {"entitlement_feature": feature.id})

    with pytest.raises(stripe.InvalidRequestError, match="attached"):
        shop.v1.products.features.create(product, {"entitlement_feature": feature.id})
    with pytest.raises(stripe.InvalidRequestError, match="exists already"):
        a_feature(shop)
    shop.v1.entitlements.features.update(feature.id, {"active": False})
    assert shop.v1.entitlements.features.list({"archived": False}).data == []
    assert [each.id for each in shop.v1.entitlements.features.list({"lookup_key": "api"}).data] == [
        feature.id
    ]
    with pytest.raises(stripe.InvalidRequestError, match="archived"):
        shop.v1.products.features.create(
            shop.v1.products.create({"name": "Silver"}).id, {"entitlement_feature": feature.id}
        )
