"""The copy of a customer's data: each table about an owner, read by an index, credits in their unit."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
from sqlalchemy import insert, inspect, select, text
from sqlalchemy.sql.selectable import NamedFromClause
from sqlalchemy.sql.visitors import iterate

from flask_prepaid import Pack
from flask_prepaid.operations.personal_data import tables_of
from flask_prepaid.outbox.app_outbox import erase
from flask_prepaid.outbox.models import Delivery, Message
from prepaid_ledger import Unit
from prepaid_ledger.database import Base

from ..outbox.test_outbox import delivery_of, message_of, plan_of, plan_of_what_runs
from ..shop import Shop, ShopWith

#: Tables with an owner that are left out, and why.
LEFT_OUT = {
    "prepaid_crossing": "only says which alert was sent",
    "prepaid_movement": "Stripe's side of purchases and refunds, which are there",
    "prepaid_operator_note": "may name others",
    "prepaid_owner_sum": "the sum of the purchases",
    "prepaid_paid_request": "digests",
    "prepaid_sale_request": "digests",
    "prepaid_subscription_change": "what plans and invoices have, for reports",
    "prepaid_trial_card": "Stripe's digest of a card",
    "prepaid_wallet": "the sums of the entries, which are read through the ledger",
}


def test_each_table_about_an_owner_is_in_the_copy_or_says_why_not() -> None:
    read = {
        part.name
        for wanted, _ in tables_of("user:1").values()
        for part in iterate(wanted)
        if isinstance(part, NamedFromClause)
    }
    about_owners = {
        inspect(mapper.class_).local_table.name
        for mapper in Base.registry.mappers
        if "owner" in mapper.columns and mapper.local_table is not None
    }

    assert about_owners - read == set(LEFT_OUT)


def test_credits_are_in_the_unit_of_the_app_in_each_section(shop_with: ShopWith) -> None:
    shop = shop_with(unit=Unit("credit", scale=3), packs=[Pack("ten", credits=10_000, amount_minor=500)])
    shop.keep_card()
    form = {"pack": "ten", "threshold": "2.5", "times": "2"}
    shop.send_form(shop.browser(), "/prepaid/cards", to="/prepaid/cards/top-up", **form)
    with shop.app.app_context():
        shop.prepaid.set_alert("user:1", "balance", 1_500)
        shop.prepaid.set_alert("user:1", "lapse", 7)
        shop.prepaid.add_endpoint("user:1", "https://93.184.215.14/hook")
    shop.press(shop.saved_card("user:1"), pack="ten")

    data = copy_of(shop)

    assert [row["threshold"] for row in data["auto_top_up"]] == ["2.500"]
    assert {row["kind"]: row["threshold"] for row in data["alerts"]} == {"balance": "1.500", "lapse": 7}
    sent = [json.loads(row["data"]) for row in data["sent_webhooks"]]
    assert [each["data"]["credits"] for each in sent if each["type"] == "credits.added"] == ["10.000"]


def test_no_connection_is_kept_between_two_sections(shop: Shop) -> None:
    with shop.app.app_context():
        for name, pages in shop.prepaid.personal_data("user:1").sections():
            for _ in pages:
                assert not shop.db.session().in_transaction(), name


@pytest.mark.each_database
def test_what_many_others_were_sent_is_not_read_for_one_nor_when_one_is_removed(shop: Shop) -> None:
    now = shop.now()

    def fill() -> None:
        session = shop.prepaid.session
        session.execute(insert(Message), [message_of(f"user:{n}", n, now) for n in range(1, 3_001)])
        deliveries = [
            {**delivery_of(message_id, owner, now), "target": "endpoint", "endpoint_id": message_id}
            for message_id, owner in session.execute(select(Message.id, Message.owner))
        ]
        session.execute(insert(Delivery), deliveries)
        session.commit()
        session.execute(text("ANALYZE"))
        session.commit()

    shop.read(fill)
    wanted, key = tables_of("user:1")["sent_webhooks"]
    plan = shop.read(lambda: plan_of(shop, wanted.order_by(key).limit(500)))

    assert "ix_prepaid_delivery_message_id" in plan, plan
    plan = shop.read(partial(plan_of_what_runs, shop, partial(erase, owner="user:1")))
    assert "Seq Scan on prepaid_delivery" not in plan, plan
    assert "SCAN prepaid_delivery\n" not in plan, plan


def copy_of(shop: Shop, owner: str = "user:1") -> dict[str, list[dict[str, Any]]]:
    with shop.app.app_context():
        sections = shop.prepaid.personal_data(owner).sections()
        return {name: [row for page in pages for row in page] for name, pages in sections}
