"""Customers, products, prices: kept, listed, searched."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from stripe_emulator.catalog import pricing
from stripe_emulator.core.database import store

from ..shop import Shop


def names(shop: Shop, query: str) -> list[str | None]:
    return [customer.name for customer in shop.v1.customers.search({"query": query}).data]


def test_a_price_is_found_by_its_lookup_key(shop: Shop) -> None:
    product = shop.v1.products.create({"name": "Credits"})
    price = shop.v1.prices.create(
        {"product": product.id, "currency": "usd", "unit_amount": 500, "lookup_key": "ten"}
    )

    (keyed,) = shop.v1.prices.list({"lookup_keys": ["ten"], "expand": ["data.product"]}).data

    assert keyed.id == price.id
    assert isinstance(keyed.product, stripe.Product)
    assert keyed.product.name == "Credits"


def test_a_lookup_key_moves_only_with_transfer_lookup_key(shop: Shop) -> None:
    product = shop.v1.products.create({"name": "Credits"})
    make: Any = {"product": product.id, "currency": "usd", "unit_amount": 500, "lookup_key": "ten"}
    first = shop.v1.prices.create(make)

    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.v1.prices.create(make)
    make["transfer_lookup_key"] = True
    second = shop.v1.prices.create(make)

    assert refused.value.param == "lookup_key"
    assert shop.v1.prices.retrieve(first.id).lookup_key is None
    assert second.lookup_key == "ten"


def test_metadata_merges_and_an_empty_value_takes_its_key_out(shop: Shop) -> None:
    customer = shop.v1.customers.create({"metadata": {"plan": "gold", "user": "1"}})

    changed = shop.v1.customers.update(customer.id, {"metadata": {"plan": "", "team": "a"}})

    assert changed.metadata is not None
    assert changed.metadata.to_dict() == {"user": "1", "team": "a"}


def test_an_update_says_what_was_before(shop: Shop) -> None:
    customer = shop.v1.customers.create({"email": "old@example.com"})
    shop.v1.customers.update(customer.id, {"email": "new@example.com"})
    shop.listen()

    previous = shop.heard_events[-1].data.previous_attributes

    assert previous is not None
    assert previous.to_dict() == {"email": "old@example.com"}


def test_a_change_of_nothing_is_no_event(shop: Shop) -> None:
    customer = shop.v1.customers.create({"email": "same@example.com"})
    shop.listen()

    shop.v1.customers.update(customer.id, {"email": "same@example.com"})

    assert shop.listen() == []


def test_a_deleted_customer_is_a_stub_without_cards(shop: Shop) -> None:
    customer = shop.v1.customers.create({})
    card = shop.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})

    shop.v1.customers.delete(customer.id)

    assert shop.v1.customers.retrieve(customer.id).to_dict() == {
        "id": customer.id,
        "object": "customer",
        "deleted": True,
    }
    assert shop.v1.payment_methods.retrieve(card.id).customer is None
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        shop.v1.customers.update(customer.id, {"name": "x"})


def test_pages_show_each_customer_once_though_all_were_made_in_one_second(shop: Shop) -> None:
    made = [shop.v1.customers.create({"name": str(number)}).id for number in range(7)]

    seen: list[str] = []
    page = shop.v1.customers.list({"limit": 3})
    for customer in page.auto_paging_iter():
        seen.append(customer.id)
        if len(seen) == 2:
            shop.v1.customers.create({"name": "late"})

    assert seen == made[::-1]


def test_a_page_before_another_is_in_the_same_order(shop: Shop) -> None:
    made = [shop.v1.customers.create({}).id for _ in range(5)]

    before = shop.v1.customers.list({"ending_before": made[0], "limit": 2})

    assert [customer.id for customer in before.data] == [made[2], made[1]]
    assert before.has_more


def test_a_list_is_cut_by_time(shop: Shop) -> None:
    old = shop.v1.customers.create({})
    shop.emulator.advance(days=1)
    shop.v1.customers.create({})

    customers = shop.v1.customers.list({"created": {"lte": old.created}}).data

    assert [customer.id for customer in customers] == [old.id]


def test_a_cursor_that_is_not_there_is_refused(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.v1.customers.list({"starting_after": "cus_x"})

    assert (refused.value.code, refused.value.param) == ("resource_missing", "starting_after")


@pytest.mark.parametrize(
    ("query", "names_found"),
    [
        ('email:"ann@example.com"', ["Ann"]),
        ("email:'ANN@example.com'", ["Ann"]),
        ('metadata["plan"]:"gold"', ["Bob", "Ann"]),
        ('metadata["plan"]:"gold" AND name:"Bob"', ["Bob"]),
        ('name:"Ann" OR name:"Cy"', ["Cy", "Ann"]),
        ('-metadata["plan"]:"gold"', ["Cy"]),
        ('email~"example"', ["Bob", "Ann"]),
        ("email:null", ["Cy"]),
        ("created>0", ["Cy", "Bob", "Ann"]),
        ("created<1", []),
    ],
)
def test_a_search_finds_what_stripes_language_asks(shop: Shop, query: str, names_found: list[str]) -> None:
    gold = {"plan": "gold"}
    shop.v1.customers.create({"name": "Ann", "email": "ann@example.com", "metadata": gold})
    shop.v1.customers.create({"name": "Bob", "email": "bob@example.com", "metadata": gold})
    shop.v1.customers.create({"name": "Cy"})

    assert names(shop, query) == names_found


@pytest.mark.parametrize(
    "query",
    [
        "",
        "name",
        "shoe:'1'",
        "name:'a' AND name:'b' OR name:'c'",
        "created>soon",
        "name~'a'",
        "name:'a' name",
    ],
)
def test_a_search_that_stripe_would_not_understand_is_refused(shop: Shop, query: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        names(shop, query)

    assert refused.value.param == "query"


def test_a_product_with_prices_stays(shop: Shop) -> None:
    product = shop.v1.products.create(
        {"name": "Credits", "default_price_data": {"currency": "usd", "unit_amount": 500}}
    )

    with pytest.raises(stripe.InvalidRequestError):
        shop.v1.products.delete(product.id)


@pytest.mark.parametrize(
    ("mode", "quantity", "total"),
    [("volume", 5, 500), ("volume", 15, 1200), ("graduated", 5, 500), ("graduated", 15, 1400)],
)
def test_tiers_count_as_stripe_counts_them(shop: Shop, mode: str, quantity: int, total: int) -> None:
    price = shop.v1.prices.create(
        {
            "currency": "usd",
            "product_data": {"name": "Calls"},
            "recurring": {"interval": "month"},
            "billing_scheme": "tiered",
            "tiers_mode": "volume" if mode == "volume" else "graduated",
            "tiers": [{"up_to": 10, "unit_amount": 100}, {"up_to": "inf", "unit_amount": 80}],
        }
    )
    with shop.emulator.store.transaction():
        assert pricing.total(store.get("price", price.id), quantity) == total


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"unit_amount": 5, "unit_amount_decimal": "6"}, "unit_amount"),
        ({"unit_amount": 5, "tiers": [{"up_to": "inf", "unit_amount": 5}]}, "tiers"),
    ],
)
def test_a_price_says_one_thing_only(shop: Shop, more: Any, param: str) -> None:
    form: Any = {"currency": "usd", "product_data": {"name": "Pen"}, **more}

    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.v1.prices.create(form)

    assert refused.value.param == param
