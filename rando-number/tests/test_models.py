"""The name of a wallet, and the user behind it."""

from __future__ import annotations

import pytest

from rando_number.owners import owner_of, user_id_of

from .running_shop import RunningShop

#: Names that no user's wallet has.
OTHERS = [
    "user:²",
    "user:٣",
    "user:",
    "user:0",
    "user:042",
    "user:-1",
    "user:1.0",
    "user:1\n",
    " user:1",
    "1",
]


def test_the_name_of_a_wallet_leads_back_to_its_user() -> None:
    assert [user_id_of(owner_of(user_id)) for user_id in (1, 42, 10**18 - 1)] == [1, 42, 10**18 - 1]


@pytest.mark.parametrize("owner", [*OTHERS, "account:1", "user:" + "9" * 19], ids=ascii)
def test_any_other_name_is_no_users(owner: str) -> None:
    assert user_id_of(owner) is None


def test_an_operator_can_ask_for_any_name(shop: RunningShop) -> None:
    admin = shop.operator("admin")

    for owner in OTHERS:
        assert admin.client.get("/admin/customers", query_string={"q": owner}).status_code < 500
        assert admin.client.get(f"/admin/customers/{owner.strip()}").status_code in (200, 404), owner
