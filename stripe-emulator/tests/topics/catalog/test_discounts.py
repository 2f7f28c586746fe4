"""Coupons and promotion codes: on invoices, subscriptions, customers and Checkout Sessions."""

from __future__ import annotations

from typing import Any, cast

import pytest
import stripe

from stripe_emulator.core.errors import InvalidRequest

from ..shop import DAY, Shop


@pytest.fixture
def shop(dated_shop: Shop) -> Shop:
    return dated_shop


def totals(shop: Shop, customer: str) -> list[int]:
    return [invoice.total for invoice in shop.invoices(customer)]


def coupon(shop: Shop, **form: Any) -> str:
    return shop.v1.coupons.create(cast(Any, form)).id


def code(shop: Shop, coupon_id: str, text: str = "WELCOME", **more: Any) -> str:
    promotion = {"promotion": {"type": "coupon", "coupon": coupon_id}, "code": text, **more}
    return shop.v1.promotion_codes.create(cast(Any, promotion)).id


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ({"duration": "once", "percent_off": 50}, [500, 1000, 1000, 1000]),
        ({"duration": "repeating", "duration_in_months": 2, "percent_off": 25.5}, [745, 745, 1000, 1000]),
        ({"duration": "forever", "amount_off": 300, "currency": "usd"}, [700, 700, 700, 700]),
        ({"duration": "forever", "amount_off": 5000, "currency": "usd"}, [0, 0, 0, 0]),
    ],
)
def test_a_coupon_lasts_as_long_as_it_says(shop: Shop, terms: dict[str, Any], expected: list[int]) -> None:
    customer = shop.customer()
    shop.subscribe(customer, shop.price(), discounts=[{"coupon": coupon(shop, **terms)}])

    shop.advance(days=91)

    assert totals(shop, customer) == expected


def test_an_invoice_shows_what_each_discount_took(shop: Shop) -> None:
    customer = shop.customer()
    subscription = shop.subscribe(
        customer, shop.price(), discounts=[{"coupon": coupon(shop, percent_off=20, duration="forever")}]
    )

    invoice = shop.latest(customer)
    discount = shop.v1.subscriptions.retrieve(subscription.id, {"expand": ["discounts"]}).discounts[0]
    assert isinstance(discount, stripe.Discount)
    assert (invoice.subtotal, invoice.total, invoice.amount_paid) == (1000, 800, 800)
    assert [(amount.amount, amount.discount) for amount in invoice.total_discount_amounts or []] == [
        (200, discount.id)
    ]
    assert [(amount.amount, amount.discount) for amount in invoice.lines.data[0].discount_amounts or []] == [
        (200, discount.id)
    ]
    assert discount.subscription == subscription.id


def test_a_proration_is_net_of_the_discount(shop: Shop) -> None:
    gold, platinum, customer = shop.price(1000, "Gold"), shop.price(3000, "Platinum"), shop.customer()
    half = coupon(shop, percent_off=50, duration="forever")
    subscription = shop.subscribe(customer, gold, discounts=[{"coupon": half}])
    shop.advance(days=14)

    shop.update(
        subscription.id,
        items=[{"id": subscription["items"].data[0].id, "price": platinum}],
        proration_behavior="always_invoice",
    )

    lines = shop.latest(customer).lines.data
    assert [(line.amount, line.discountable) for line in lines] == [(-250, False), (750, False)]
    assert shop.latest(customer).total == 500


def upgraded(shop: Shop, customer: str, *, held: dict[str, Any], brought: dict[str, Any]) -> str:
    """Gold for half a month, then Platinum, with a coupon put on before the change or by it; its id."""
    gold, platinum = shop.price(1000, "Gold"), shop.price(3000, "Platinum")
    subscription = shop.subscribe(customer, gold)
    shop.advance(days=14)
    shop.update(subscription.id, **held)
    shop.update(
        subscription.id,
        items=[{"id": subscription["items"].data[0].id, "price": platinum}],
        proration_behavior="always_invoice",
        **brought,
    )
    return subscription.id


@pytest.mark.parametrize("brought", [False, True], ids=["held before", "brought along"])
def test_a_coupon_for_once_is_used_up_by_the_proration_that_it_makes_smaller(
    shop: Shop, brought: bool
) -> None:
    customer = shop.customer()
    half = {"discounts": [{"coupon": coupon(shop, percent_off=50, duration="once")}]}

    name = upgraded(shop, customer, held={} if brought else half, brought=half if brought else {})

    change = shop.latest(customer)
    assert [line.amount for line in change.lines.data] == [-500, 750]
    assert [(line.discounts != [], line.discount_amounts or []) for line in change.lines.data] == [
        (False, []),
        (True, []),
    ]
    item = shop.v1.invoice_items.list({"customer": customer, "limit": 1}).data[0]
    assert item.proration_details is not None
    assert [amount.amount for amount in item.proration_details.discount_amounts] == [750]
    assert shop.subscription(name).discounts == []
    shop.advance(days=15)
    assert totals(shop, customer) == [1000, 250, 3000]


def test_a_coupon_is_for_its_products_only(shop: Shop) -> None:
    gold, silver, customer = shop.price(1000, "Gold"), shop.price(500, "Silver"), shop.customer()
    product = str(shop.v1.prices.retrieve(gold).product)
    half = coupon(shop, percent_off=50, duration="once", applies_to={"products": [product]})

    shop.v1.subscriptions.create(
        {"customer": customer, "items": [{"price": gold}, {"price": silver}], "discounts": [{"coupon": half}]}
    )

    assert shop.latest(customer).total == 1000
    shown = shop.v1.coupons.retrieve(half, {"expand": ["applies_to"]})
    assert shown.applies_to is not None
    assert list(shown.applies_to.products) == [product]


def test_a_used_up_coupon_or_one_too_old_is_refused(shop: Shop) -> None:
    price = shop.price()
    once = coupon(shop, percent_off=10, duration="once", max_redemptions=1)
    brief = coupon(shop, percent_off=10, duration="once", redeem_by=shop.emulator.now() + DAY)
    shop.subscribe(shop.customer(), price, discounts=[{"coupon": once}])

    with pytest.raises(stripe.InvalidRequestError, match="Coupon expired") as used_up:
        shop.subscribe(shop.customer(), price, discounts=[{"coupon": once}])
    shop.advance(days=2)
    with pytest.raises(stripe.InvalidRequestError, match="Coupon expired"):
        shop.subscribe(shop.customer(), price, discounts=[{"coupon": brief}])

    assert used_up.value.code == "coupon_expired"
    assert (used_up.value.param, shop.v1.coupons.retrieve(once).times_redeemed) == ("discounts[0][coupon]", 1)
    assert shop.v1.coupons.retrieve(brief).valid is False


def test_a_deleted_coupon_stays_with_who_has_it(shop: Shop) -> None:
    customer = shop.customer()
    half = coupon(shop, percent_off=50, duration="forever")
    shop.subscribe(customer, shop.price(), discounts=[{"coupon": half}])

    shop.v1.coupons.delete(half)
    shop.advance(days=29)

    assert totals(shop, customer) == [500, 500]
    with pytest.raises(stripe.InvalidRequestError, match="No such coupon"):
        shop.v1.coupons.retrieve(half)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"duration": "once"}, "percent_off"),
        ({"percent_off": 10, "amount_off": 10, "currency": "usd"}, "not both"),
        ({"percent_off": 101}, "at most 100"),
        ({"amount_off": 100}, "currency"),
        ({"percent_off": 10, "duration": "repeating"}, "duration_in_months"),
        ({"percent_off": 10, "redeem_by": 1000}, "in the future"),
    ],
)
def test_a_coupon_that_makes_no_sense_is_refused(shop: Shop, wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(stripe.InvalidRequestError, match=message):
        coupon(shop, **wrong)


def test_a_discount_can_be_taken_away(shop: Shop) -> None:
    customer = shop.customer()
    half = coupon(shop, percent_off=50, duration="forever")
    subscription = shop.subscribe(customer, shop.price(), discounts=[{"coupon": half}])

    shop.v1.subscriptions.delete_discount(subscription.id)
    shop.advance(days=29)

    assert shop.events().count("customer.discount.deleted") == 1
    assert totals(shop, customer) == [500, 1000]


def test_a_promotion_code_is_one_customer_s_or_for_newcomers(shop: Shop) -> None:
    price, friend, stranger = shop.price(), shop.customer(), shop.customer()
    half = coupon(shop, percent_off=50, duration="once")
    mine = code(shop, half, "MINE", customer=friend)
    first = code(shop, half, "FIRST", restrictions={"first_time_transaction": True})
    shop.subscribe(friend, price, discounts=[{"promotion_code": mine}])

    with pytest.raises(stripe.InvalidRequestError, match="cannot be redeemed by this customer"):
        shop.subscribe(stranger, price, discounts=[{"promotion_code": mine}])
    with pytest.raises(stripe.InvalidRequestError, match="prior transactions"):
        shop.subscribe(friend, price, discounts=[{"promotion_code": first}])
    shop.subscribe(stranger, price, discounts=[{"promotion_code": first}])

    assert [totals(shop, customer) for customer in (friend, stranger)] == [[500], [500]]
    assert shop.v1.promotion_codes.retrieve(mine).times_redeemed == 1


def test_an_active_code_is_taken_and_an_inactive_one_useless(shop: Shop) -> None:
    half = coupon(shop, percent_off=50, duration="once")
    taken = code(shop, half)
    with pytest.raises(stripe.InvalidRequestError, match="already exists"):
        code(shop, half, "welcome")

    shop.v1.promotion_codes.update(taken, {"active": False})

    with pytest.raises(stripe.InvalidRequestError, match="no longer active"):
        shop.subscribe(shop.customer(), shop.price(), discounts=[{"promotion_code": taken}])
    assert [
        promotion_code.id for promotion_code in shop.v1.promotion_codes.list({"code": "welcome"}).data
    ] == [taken]


def test_a_promotion_code_is_active_no_longer_than_its_coupon_its_time_and_its_number(shop: Shop) -> None:
    deleted, over = coupon(shop, percent_off=10), coupon(shop, percent_off=10, max_redemptions=1)
    dated = coupon(shop, percent_off=10, redeem_by=shop.emulator.now() + DAY)
    lasting = coupon(shop, percent_off=10)
    codes = {
        "deleted coupon": code(shop, deleted, "A"),
        "used-up coupon": code(shop, over, "B"),
        "coupon too old": code(shop, dated, "C"),
        "used up": code(shop, lasting, "D", max_redemptions=1),
        "too old": code(shop, lasting, "E", expires_at=shop.emulator.now() + DAY),
        "none of these": code(shop, lasting, "F"),
    }
    shop.v1.coupons.delete(deleted)
    for once in ({"coupon": over}, {"promotion_code": codes["used up"]}):
        shop.subscribe(shop.customer(), shop.price(), discounts=[once])
    shop.emulator.advance(days=2)

    active = {name for name, code_id in codes.items() if shop.v1.promotion_codes.retrieve(code_id).active}
    listed = {each.id for each in shop.v1.promotion_codes.list({"active": True}).data}

    assert active == {"none of these"}
    assert listed == {codes["none of these"]}
    idle = {each.id for each in shop.v1.promotion_codes.list({"active": False, "code": "e"}).data}
    assert idle == {codes["too old"]}
    assert len(shop.v1.promotion_codes.list({"coupon": lasting}).data) == 3
    for name in ("deleted coupon", "used-up coupon", "used up", "too old"):
        with pytest.raises(stripe.InvalidRequestError):
            shop.v1.promotion_codes.update(codes[name], {"active": True})


def open_session(shop: Shop, mode: str, **more: Any) -> stripe.checkout.Session:
    recurring = {"interval": "month"} if mode == "subscription" else None
    form = {
        "mode": mode,
        "line_items": [{"price": shop.price(recurring=recurring), "quantity": 2}],
        "success_url": "https://example.com/",
        **more,
    }
    return shop.v1.checkout.sessions.create(cast(Any, form))


@pytest.mark.parametrize("mode", ["payment", "subscription"])
def test_a_session_can_bring_its_discount_along(shop: Shop, mode: str) -> None:
    quarter = coupon(shop, percent_off=25, duration="once")
    session = open_session(shop, mode, discounts=[{"coupon": quarter}])

    shop.emulator.pay(session)

    done = shop.v1.checkout.sessions.retrieve(session.id)
    assert (session.amount_subtotal, session.amount_total, done.status) == (2000, 1500, "complete")
    assert shop.v1.charges.list().data[0].amount == 1500
    assert shop.v1.coupons.retrieve(quarter).times_redeemed == 1


def test_a_customer_types_a_promotion_code_on_the_page(shop: Shop) -> None:
    code(shop, coupon(shop, amount_off=500, currency="usd", duration="once"))
    session = open_session(shop, "subscription", allow_promotion_codes=True)
    browser = shop.emulator.browser()

    wrong = browser.post(f"/pay/{session.id}/promotion", data={"promotion_code": "NOPE"})
    right = browser.post(f"/pay/{session.id}/promotion", data={"promotion_code": "welcome"})
    page = browser.get(f"/pay/{session.id}").get_data(as_text=True)
    shop.emulator.pay(session)

    done = shop.v1.checkout.sessions.retrieve(session.id)
    assert (wrong.status_code, right.status_code) == (422, 303)
    assert "This code is invalid." in wrong.get_data(as_text=True)
    assert "WELCOME" in page
    assert "$15.00" in page
    assert done.amount_total == 1500
    assert totals(shop, str(done.customer)) == [1500]


def test_a_code_is_typed_by_who_pays(shop: Shop) -> None:
    code(shop, coupon(shop, percent_off=20, duration="once"))
    session = open_session(shop, "payment", allow_promotion_codes=True)

    with pytest.raises(InvalidRequest, match="This code is invalid"):
        shop.emulator.pay(session, promotion_code="NOPE")
    paid = shop.emulator.pay(session.url, promotion_code="welcome")

    assert (paid["id"], paid["status"], paid["amount_total"]) == (session.id, "complete", 1600)
    with pytest.raises(InvalidRequest, match="make it with allow_promotion_codes"):
        shop.emulator.pay(open_session(shop, "payment"), promotion_code="welcome")


def test_a_whole_discount_needs_no_payment(shop: Shop) -> None:
    free = coupon(shop, percent_off=100, duration="forever")
    session = open_session(shop, "payment", discounts=[{"coupon": free}])

    shop.emulator.pay(session)

    done = shop.v1.checkout.sessions.retrieve(session.id)
    assert (done.status, done.payment_status, done.payment_intent) == (
        "complete",
        "no_payment_required",
        None,
    )
    assert shop.v1.charges.list().data == []


def test_a_tax_rate_is_added_after_the_discount(shop: Shop) -> None:
    rate = shop.v1.tax_rates.create({"display_name": "VAT", "percentage": 19, "inclusive": False})
    customer = shop.customer()

    shop.subscribe(
        customer,
        shop.price(),
        default_tax_rates=[rate.id],
        discounts=[{"coupon": coupon(shop, percent_off=50, duration="once")}],
    )

    invoice = shop.latest(customer)
    taxes = invoice.total_taxes or []
    assert (invoice.total, invoice.total_excluding_tax, invoice.amount_paid) == (595, 500, 595)
    assert [(tax.amount, tax.taxable_amount, tax.tax_behavior) for tax in taxes] == [(95, 500, "exclusive")]
