"""The download of all of a customer's data, and closing the account."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from sqlalchemy import MetaData, select
from stripe import StripeClient

from flask_prepaid.outbox import mail_log
from flask_prepaid.outbox.mail_log import SentMail
from rando_number.accounts.closing import close_account
from rando_number.extensions import db
from rando_number.models import AuditLine, User

from ..running_shop import Program, RunningShop, Visitor


def settled(shop: RunningShop) -> Visitor:
    """A customer who has left traces everywhere: a key, a call, a purchase, a card, a second browser."""
    customer = shop.customer("canary@rando.test")
    key = customer.make_key("canary key")
    Program(shop, key).get("/number/", **{"Idempotency-Key": "canary-1"})
    session_id = customer.buy(pack="starter")
    shop.stripe.pay(session_id, name="Carla Canary", keep_card=True)
    shop.visitor(HTTP_USER_AGENT="canary browser").login("canary@rando.test")
    return customer


def everything(shop: RunningShop) -> str:
    """Every row of every table, as text."""
    tables = MetaData()
    with shop.app.app_context():
        tables.reflect(db.engine)
        return "\n".join(
            f"{name} {tuple(row)}"
            for name, table in tables.tables.items()
            for row in db.session.execute(select(table))
        )


def test_a_closed_account_keeps_nothing_personal_and_the_books_stay(shop: RunningShop) -> None:
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
    assert "To: canary@rando.test" in shop.mails()[-1]


def test_closing_an_account_again_changes_nothing(shop: RunningShop) -> None:
    customer = settled(shop)
    with shop.app.test_request_context():
        user = db.session.scalars(select(User)).one()
        assert close_account(user)
        db.session.commit()
        before = user.closed_at

        assert not close_account(user)
        db.session.commit()

        assert user.closed_at == before
    assert shop.balance(f"user:{user.id}") == 0
    assert customer.get("/user-profile").status_code == 302


def test_a_plan_ends_at_once_and_asks_for_no_more_money(shop: RunningShop) -> None:
    customer = shop.customer()
    begun = customer.send("/subscription", plan="small", trial="")
    session = re.search(r"cs_test_\w+", begun.location)
    assert session is not None, begun.location
    shop.stripe.pay(session[0])
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


def test_the_data_has_what_became_of_money_and_plans_and_is_as_the_reference_says(shop: RunningShop) -> None:
    """A refund, a dispute, a plan with its invoice, a top-up, mails; each field is of its type."""
    customer = settled(shop)
    customer.send("/subscription", plan="small", trial="")  # by the card on file
    customer.send("/cards/top-up", form_of="/cards", pack="starter", threshold="5", times="4")
    with shop.app.app_context():
        shop.prepaid.refund(1, amount_minor=400, reason="half of it", key="r")
        sent = SentMail("canary@rando.test", "receipt", "Your receipt")
        mail_log.note(db.session(), customer.owner, sent, uid=None, now=shop.prepaid.clock())
        db.session.commit()
    client: Any = StripeClient("sk_test_emulator", http_client=shop.stripe.http_client())
    shop.stripe.dispute(client.v1.charges.list().data[0].id)
    shop.stripe.deliver()

    mine = json.loads(customer.get("/export.json").text)

    assert [purchase["state"] for purchase in mine["purchases"]] == ["partly_refunded", "disputed"]
    assert [(refund["payment_id"], refund["amount_minor"]) for refund in mine["refunds"]] == [(1, 400)]
    assert [(dispute["payment_id"], dispute["reason"]) for dispute in mine["disputes"]] == [(2, "fraudulent")]
    assert [(plan["plan"], plan["state"]) for plan in mine["plans"]] == [("small", "active")]
    assert [invoice["plan_id"] for invoice in mine["invoices"]] == [mine["plans"][0]["id"]]
    assert [topup["pack"] for topup in mine["auto_top_up"]] == ["starter"]
    assert [mail["subject"] for mail in mine["mails"]] == ["Your receipt"]
    page = (Path(__file__).parents[3] / "docs/reference/personal-data.md").read_text()
    written = dict(re.findall(r"^\| `(\w+)` \| [^|]* \| ([^|]*) \|$", page, re.M))
    assert mine.keys() == written.keys()
    for section, rows in mine.items():
        fields = dict(re.findall(r"`(\w+)` ([^;]+?)(?:;|$)", written[section].strip()))
        for row in [rows] if section == "account" else rows:
            assert row.keys() == fields.keys(), section
            wrong = {name: value for name, value in row.items() if not fits(value, fields[name])}
            assert wrong == ({"spender": None} if section == "limits" else {}), section


def fits(value: Any, kind: str) -> bool:
    """Whether a value is of the type that the reference names."""
    if value is None:
        return kind.endswith(", or null")
    types: dict[str, tuple[type, ...]] = {
        "text": (str,),
        "time": (str,),
        "whole number": (int,),
        "credits": (int,),
        "true or false": (bool,),
        "list or object": (list, dict),
    }
    return isinstance(value, types[kind.removesuffix(", or null")])


def test_an_account_stays_open_while_stripe_does_not_answer(shop: RunningShop) -> None:
    customer = settled(shop)
    shop.stripe.chaos(api_429=1.0)

    refused = customer.send("/close-account")

    assert refused.status_code == 503
    assert "still open" in refused.text
    assert customer.get("/user-profile").status_code == 200
    shop.stripe.chaos()
    assert customer.send("/close-account").location == "/"


def test_a_customer_downloads_all_of_their_own_data_and_nobody_elses(shop: RunningShop) -> None:
    customer = settled(shop)
    other = shop.customer("other@rando.test")
    other.draw()
    billing = {"company": "Canary Ltd", "city": "Berlin", "country": "DE", "tax_id": "DE123456789"}
    customer.send("/billing", **billing)
    with shop.app.app_context():
        shop.prepaid.make_code("nest", credits=2, reason="a gift")
        shop.prepaid.redeem(customer.owner, "nest")
        db.session.commit()

    answer = customer.get("/export.json")

    mine = json.loads(answer.text)
    assert mine["account"]["email"] == "canary@rando.test"
    assert [key["name"] for key in mine["api_keys"]] == ["canary key"]
    assert len(mine["sign_ins"]) == 2
    assert [card["last4"] for card in mine["cards"]] == ["4242"]
    assert [purchase["amount_minor"] for purchase in mine["purchases"]] == [1_000]
    (stripe,) = mine["customer"]
    assert {name: stripe[name] for name in billing} == billing
    assert [(each["code"], each["credits"]) for each in mine["redeemed_codes"]] == [("nest", 2)]
    assert mine["own_codes"] == []
    assert [entry["credits"] for entry in mine["entries"]] == [2, 10, -1, 3]
    assert len(mine["numbers"]) == 1
    assert {"signed_in", "data_exported"} <= {line["action"] for line in mine["log"]}
    assert "other@rando.test" not in answer.text
    assert "argon2" not in answer.text


def test_the_page_of_privacy_names_the_log_that_stays_with_its_addresses(shop: RunningShop) -> None:
    customer = shop.customer()
    customer.send("/close-account")

    with shop.app.app_context():
        mine = AuditLine.actor == "user:1"
        assert set(db.session.scalars(select(AuditLine.address).where(mine))) == {"127.0.0.1"}
    assert "stays after your account is closed, under a number" in customer.get("/privacy").text
