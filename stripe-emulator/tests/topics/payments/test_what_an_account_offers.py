"""Kinds of payment methods, domains of wallets, and what Stripe says of countries and currencies."""

from __future__ import annotations

import pytest
import stripe

from ..shop import Shop, envelope


def test_a_configuration_says_what_is_offered(shop: Shop) -> None:
    configurations = shop.v1.payment_method_configurations
    (default,) = configurations.list().data
    assert default.is_default
    assert default.card is not None
    assert default.card.available
    assert configurations.retrieve(default.id).id == configurations.list().data[0].id == default.id

    own = configurations.create(
        {"name": "Debits", "sepa_debit": {"display_preference": {"preference": "on"}}}
    )
    configurations.update(default.id, {"link": {"display_preference": {"preference": "off"}}})
    configurations.update(own.id, {"active": False})

    assert [each.id for each in configurations.list({"active": True}).data] == [default.id]
    assert [each.id for each in configurations.list().data] == [own.id, default.id]
    changed, made = configurations.retrieve(default.id), configurations.retrieve(own.id)
    assert changed.link is not None
    assert not changed.link.available
    assert made.sepa_debit is not None
    assert made.link is not None
    assert (made.sepa_debit.available, made.link.available) == (True, True)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        configurations.update(default.id, {"active": False})
    assert envelope(refused.value)["param"] == "active"


def test_wallets_are_active_on_a_domain_until_it_is_disabled(shop: Shop) -> None:
    domains = shop.v1.payment_method_domains
    made = domains.create({"domain_name": "Shop.example.com"})
    assert (made.domain_name, made.apple_pay.status) == ("shop.example.com", "active")
    assert domains.create({"domain_name": "shop.example.com"}).id == made.id
    assert domains.validate(made.id).google_pay.status == "active"

    domains.update(made.id, {"enabled": False})

    assert domains.retrieve(made.id).link.status == "inactive"
    assert domains.list({"enabled": True}).data == []
    with pytest.raises(stripe.InvalidRequestError) as refused:
        domains.create({"domain_name": "https://shop.example.com"})
    assert envelope(refused.value)["param"] == "domain_name"


def test_facts_of_countries_and_currencies(shop: Shop) -> None:
    france = shop.v1.country_specs.retrieve("FR")
    assert france.default_currency == "eur"
    assert france.supported_payment_currencies[0] == "eur"
    assert "DE" in france.supported_bank_account_currencies["eur"]
    first = shop.v1.country_specs.list({"limit": 3})
    then = shop.v1.country_specs.list({"limit": 3, "starting_after": first.data[-1].id})
    assert (first.has_more, first.data[-1].id < then.data[0].id) == (True, True)
    dollars = shop.v1.exchange_rates.retrieve("usd")
    assert dollars.rates["eur"] == pytest.approx(
        1 / shop.v1.exchange_rates.retrieve("eur").rates["usd"], 1e-4
    )
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.v1.country_specs.retrieve("XX")
    assert refused.value.http_status == 404


def test_nobody_sends_a_customer_cash(shop: Shop) -> None:
    customer = shop.customer(card=None)
    balances = shop.v1.customers.cash_balance
    assert balances.retrieve(customer).settings.using_merchant_default

    balances.update(customer, {"settings": {"reconciliation_mode": "manual"}})

    assert balances.retrieve(customer).settings.reconciliation_mode == "manual"
    assert shop.v1.customers.cash_balance_transactions.list(customer).data == []
    opened = shop.v1.customers.retrieve(customer, {"expand": ["cash_balance"]}).cash_balance
    assert opened == balances.retrieve(customer)
