"""Where the operator's pages are."""

from __future__ import annotations

from flask import Blueprint

from ...checks import MAX_ID
from . import codes, health, home, inbox, mails
from .customers import (
    blocking,
    credits_by_hand,
    customer_list,
    customer_page,
    dunning,
    operator_notes,
    plan,
)
from .payments import payment_list, payment_page, refunding
from .reports import credits, plans, sales

POST = ["POST"]
BOTH = ["GET", "POST"]


def add_to(pages: Blueprint, path: str) -> None:
    """Put the operator's pages below ``path``."""
    pages.add_url_rule(path, "operator", home.home)

    pages.add_url_rule(f"{path}/sales", "operator_sales", sales.overview)
    pages.add_url_rule(f"{path}/sales.csv", "operator_sales_csv", sales.as_csv)
    pages.add_url_rule(f"{path}/credits", "operator_credits", credits.overview)
    pages.add_url_rule(f"{path}/credits.csv", "operator_credits_csv", credits.as_csv)
    pages.add_url_rule(f"{path}/plans", "operator_plans", plans.overview)
    pages.add_url_rule(f"{path}/plans.csv", "operator_plans_csv", plans.as_csv)

    pages.add_url_rule(f"{path}/payments", "operator_payments", payment_list.listing)
    pages.add_url_rule(f"{path}/payments.csv", "operator_payments_csv", payment_list.as_csv)
    pages.add_url_rule(
        f"{path}/payments/<int(max={MAX_ID}):payment_id>", "operator_payment", payment_page.payment
    )
    pages.add_url_rule(
        f"{path}/payments/<int(max={MAX_ID}):payment_id>/refund",
        "operator_refund",
        refunding.refund,
        methods=BOTH,
    )
    pages.add_url_rule(
        f"{path}/payments/<int(max={MAX_ID}):payment_id>/review",
        "operator_review",
        payment_page.review,
        methods=POST,
    )
    pages.add_url_rule(f"{path}/codes", "operator_codes", codes.listing)
    pages.add_url_rule(f"{path}/codes.csv", "operator_codes_csv", codes.as_csv)
    pages.add_url_rule(f"{path}/codes/make", "operator_make_code", codes.make, methods=POST)
    pages.add_url_rule(f"{path}/codes/switch", "operator_switch_code", codes.switch, methods=POST)
    pages.add_url_rule(f"{path}/grant", "operator_grant", credits_by_hand.grant, methods=POST)
    pages.add_url_rule(f"{path}/adjust", "operator_adjust", credits_by_hand.adjust, methods=POST)

    pages.add_url_rule(f"{path}/dunning", "operator_dunning", dunning.listing)

    pages.add_url_rule(f"{path}/customers", "operator_customers", customer_list.search)
    pages.add_url_rule(f"{path}/customers.csv", "operator_customers_csv", customer_list.as_csv)
    pages.add_url_rule(f"{path}/customers/<path:owner>", "operator_customer", customer_page.customer)
    pages.add_url_rule(f"{path}/note", "operator_note", operator_notes.note, methods=POST)
    pages.add_url_rule(f"{path}/block", "operator_block", blocking.block, methods=POST)
    pages.add_url_rule(f"{path}/plan", "operator_plan", plan.plan, methods=BOTH)

    pages.add_url_rule(f"{path}/mails", "operator_mails", mails.previews)
    pages.add_url_rule(f"{path}/mails/<name>", "operator_mail", mails.preview)

    pages.add_url_rule(f"{path}/inbox", "operator_inbox", inbox.inbox)
    pages.add_url_rule(f"{path}/inbox/replay", "operator_replay", inbox.replay, methods=POST)
    pages.add_url_rule(f"{path}/sync", "operator_sync", health.sync, methods=POST)
    pages.add_url_rule(f"{path}/compare", "operator_compare", health.compare, methods=BOTH)
