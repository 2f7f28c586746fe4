"""The copy of a customer's data has each table that is about an owner."""

from __future__ import annotations

from sqlalchemy import inspect
from sqlalchemy.sql.selectable import NamedFromClause
from sqlalchemy.sql.visitors import iterate

from flask_prepaid.operations.personal_data import tables_of
from prepaid_ledger.database import Base

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
