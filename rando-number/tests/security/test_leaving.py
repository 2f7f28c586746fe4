"""Rows 27 and 62: one's own data, taken along, and the door closed for good."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import MetaData, select
from stripe import StripeClient

from rando_number.accounts.closing import close_account
from rando_number.models import User, db

from ..shop import Program, Shop, Visitor
from .test_passwords import links, mails


def settled(shop: Shop) -> Visitor:
    """A customer who has left traces everywhere: a key, a call, a purchase, a card, a second browser."""
    customer = shop.customer("canary@rando.test")
    key = customer.make_key("canary key")
    Program(shop, key).get("/number/", **{"Idempotency-Key": "canary-1"})
    session_id = customer.buy(pack="starter")
    shop.stripe.pay(session_id, name="Carla Canary", keep_card=True)
    shop.visitor(HTTP_USER_AGENT="canary browser").login("canary@rando.test")
    return customer


def everything(shop: Shop) -> str:
    """Every row of every table, as text."""
    tables = MetaData()
    with shop.app.app_context():
        tables.reflect(db.engine)
        return "\n".join(
            f"{name} {tuple(row)}"
            for name, table in tables.tables.items()
            for row in db.session.execute(select(table))
        )


def test_row_62_who_closes_the_account_is_gone_and_the_books_stay(shop: Shop) -> None:
    customer = settled(shop)
    owner, program = customer.owner, Program(shop, customer.make_key())
    with shop.app.app_context():
        stripe_id = shop.prepaid.customer_id(owner)
    assert "anary" in everything(shop)

    gone = customer.send("/close-account")

    assert gone.location == "/"
    assert "Clear-Site-Data" in gone.headers
    assert customer.get("/user-profile").status_code == 302
    assert program.get("/balance").status_code == 401
    assert shop.visitor().login("canary@rando.test").status_code == 200
    assert "anary" not in everything(shop)
    client: Any = StripeClient("sk_test_emulator", http_client=shop.stripe.http_client())
    assert client.v1.customers.retrieve(stripe_id).deleted
    assert shop.balance(owner) == 0
    with shop.app.app_context():
        kinds = [entry.kind for entry in shop.prepaid.entries(owner)]
    assert kinds == ["adjustment", "purchase", "spend", "grant"]
    assert "account_closed" in shop.actions()
    assert "To: canary@rando.test" in mails(shop)[-1]


def test_row_62_to_close_an_account_again_changes_nothing(shop: Shop) -> None:
    customer = settled(shop)
    with shop.app.test_request_context():
        user = db.session.scalars(select(User)).one()
        close_account(user)
        before = user.closed_at

        close_account(user)

        assert user.closed_at == before
    assert shop.balance(f"user:{user.id}") == 0
    assert customer.get("/user-profile").status_code == 302


def test_row_62_a_plan_ends_at_once_and_asks_for_no_more_money(shop: Shop) -> None:
    customer = shop.customer()
    begun = customer.send("/subscription", plan="small", trial="")
    found = re.search(r"cs_test_\w+", begun.location)
    assert found is not None, begun.location
    shop.stripe.pay(found[0])
    with shop.app.app_context():
        assert shop.prepaid.plan(customer.owner) is not None
    client: Any = StripeClient("sk_test_emulator", http_client=shop.stripe.http_client())
    (plan,) = client.v1.subscriptions.list({"status": "all"}).data
    assert plan.status == "active"

    customer.send("/close-account")
    shop.stripe.advance(days=70)

    assert client.v1.subscriptions.retrieve(plan.id).status == "canceled"
    assert [invoice.status for invoice in client.v1.invoices.list().data] == ["paid"]
    assert shop.balance("user:1") == 0


@pytest.mark.parametrize("spelling", ["pat.lee@gmail.com", "PATLEE@gmail.com", "p.at.lee+2@googlemail.com"])
def test_row_62_the_address_is_free_again_and_has_had_its_free_credits(any_shop: Shop, spelling: str) -> None:
    customer = any_shop.customer("pat.lee@gmail.com")
    old = customer.owner
    customer.send("/close-account")
    again = any_shop.visitor()

    again.register(spelling)
    again.email = spelling.lower()

    assert again.owner != old
    assert again.balance == 0
    assert "has had its free credits before" in again.get("/").text
    assert "days free first" not in again.get("/subscription").text
    assert again.send("/subscription", plan="large", trial="1").status_code == 409
    new = any_shop.customer("pat.lee@rando.test")
    assert new.balance == 3
    assert "days free first" in new.get("/subscription").text


def test_free_credits_are_given_once_to_aliases_that_come_at_the_same_time(any_shop: Shop) -> None:
    visitors = [any_shop.visitor() for _ in range(6)]
    together = Barrier(len(visitors))

    def register(n: int) -> None:
        together.wait()
        visitors[n].register(f"kim+{n}@rando.test")

    with ThreadPoolExecutor(len(visitors)) as threads:
        list(threads.map(register, range(len(visitors))))

    assert sorted(visitor.balance for visitor in visitors) == [0, 0, 0, 0, 0, 3]


def test_an_address_that_an_account_moved_to_has_had_its_free_credits(shop: Shop) -> None:
    customer = shop.customer("old@rando.test")
    customer.send("/change-email", email="new@rando.test")
    customer.get(links(shop, "/change-email")[-1])
    customer.email = "new@rando.test"
    customer.send("/close-account")

    assert shop.customer("old@rando.test").balance == 0
    assert shop.customer("new@rando.test").balance == 0


def test_an_account_stays_open_while_stripe_does_not_answer(shop: Shop) -> None:
    customer = settled(shop)
    shop.stripe.chaos(api_429=1.0)

    refused = customer.send("/close-account")

    assert refused.status_code == 503
    assert "still open" in refused.text
    assert customer.get("/user-profile").status_code == 200
    shop.stripe.chaos()
    assert customer.send("/close-account").location == "/"


def test_all_of_ones_data_can_be_taken_along_and_nobody_elses(shop: Shop) -> None:
    customer = settled(shop)
    other = shop.customer("other@rando.test")
    other.draw()

    answer = customer.get("/export.json")

    mine = json.loads(answer.text)
    assert mine["account"]["email"] == "canary@rando.test"
    assert [key["name"] for key in mine["api_keys"]] == ["canary key"]
    assert len(mine["sign_ins"]) == 2
    assert [card["last4"] for card in mine["cards"]] == ["4242"]
    assert [purchase["amount_minor"] for purchase in mine["purchases"]] == [1_000]
    assert [entry["credits"] for entry in mine["entries"]] == [10, -1, 3]
    assert len(mine["numbers"]) == 1
    assert "signed_in" in {line["action"] for line in mine["log"]}
    assert "other@rando.test" not in answer.text
    assert "argon2" not in answer.text
