"""The account itself, and what of others is said."""

from __future__ import annotations

import pytest
import stripe

from ..shop import Shop, envelope


def client(shop: Shop, account: str) -> stripe.StripeClient:
    """The SDK with an account in each request's header."""
    return stripe.StripeClient(
        "sk_test_shop_of_mine", http_client=shop.emulator.http_client(), stripe_account=account
    )


def test_the_account_is_the_keys_own(shop: Shop) -> None:
    account = shop.v1.accounts.retrieve_current()

    assert (account.country, account.default_currency, account.charges_enabled) == ("US", "usd", True)
    assert shop.v1.accounts.retrieve(account.id).to_dict() == account.to_dict()
    assert client(shop, account.id).v1.accounts.retrieve_current().id == account.id


def test_it_is_the_same_account_for_every_call(shop: Shop) -> None:
    account = shop.v1.accounts.retrieve_current()
    customer = client(shop, account.id).v1.customers.create({"name": "Jo"})

    assert shop.v1.customers.retrieve(customer.id).name == "Jo"


def test_no_other_account_is_connected(shop: Shop) -> None:
    account = shop.v1.accounts.retrieve_current()

    assert shop.v1.accounts.list().data == []
    assert shop.v1.accounts.external_accounts.list(account.id, {"object": "bank_account"}).data == []


def test_of_another_account_nothing_is_said(shop: Shop) -> None:
    mine = client(shop, shop.v1.accounts.retrieve_current().id)
    with pytest.raises(stripe.PermissionError) as by_header:
        client(shop, "acct_1").v1.customers.list()
    with pytest.raises(stripe.PermissionError) as by_path:
        mine.v1.accounts.retrieve("acct_1")
    with pytest.raises(stripe.PermissionError) as by_context:
        mine.v1.customers.list(None, {"stripe_context": "acct_1"})

    for refused in (by_header.value, by_path.value, by_context.value):
        error = envelope(refused)
        assert error["code"] == "account_invalid"
        assert "'sk_test_********mine' does not have access to account 'acct_1'" in error["message"]
