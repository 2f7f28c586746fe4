"""Where the operator's pages are."""

from __future__ import annotations

from flask import Blueprint

from . import (
    operator_block,
    operator_credits,
    operator_customers,
    operator_health,
    operator_home,
    operator_money,
    operator_payments,
    operator_plan,
    operator_plans,
    operator_sales,
)

POST = ["POST"]
BOTH = ["GET", "POST"]


def add_to(pages: Blueprint, path: str) -> None:
    """Put the operator's pages below ``path``."""
    pages.add_url_rule(path, "operator", operator_home.home)
    pages.add_url_rule(f"{path}/sales", "operator_sales", operator_sales.overview)
    pages.add_url_rule(f"{path}/sales.csv", "operator_sales_csv", operator_sales.as_csv)
    pages.add_url_rule(f"{path}/credits", "operator_credits", operator_credits.overview)
    pages.add_url_rule(f"{path}/credits.csv", "operator_credits_csv", operator_credits.as_csv)
    pages.add_url_rule(f"{path}/plans", "operator_plans", operator_plans.overview)
    pages.add_url_rule(f"{path}/plans.csv", "operator_plans_csv", operator_plans.as_csv)
    pages.add_url_rule(f"{path}/customers", "operator_customers", operator_customers.search)
    pages.add_url_rule(f"{path}/customers/<path:owner>", "operator_customer", operator_customers.story)
    pages.add_url_rule(f"{path}/payments", "operator_payments", operator_payments.listing)
    pages.add_url_rule(f"{path}/payments.csv", "operator_payments_csv", operator_payments.as_csv)
    one_payment = f"{path}/payments/<int:payment_id>"
    pages.add_url_rule(one_payment, "operator_payment", operator_payments.payment)
    pages.add_url_rule(f"{one_payment}/refund", "operator_refund", operator_money.refund, methods=BOTH)
    pages.add_url_rule(f"{path}/grant", "operator_grant", operator_money.grant, methods=POST)
    pages.add_url_rule(f"{path}/adjust", "operator_adjust", operator_money.adjust, methods=POST)
    pages.add_url_rule(f"{path}/plan", "operator_plan", operator_plan.plan, methods=BOTH)
    pages.add_url_rule(f"{path}/block", "operator_block", operator_block.block, methods=POST)
    pages.add_url_rule(f"{path}/inbox", "operator_inbox", operator_health.inbox)
    pages.add_url_rule(f"{path}/inbox/replay", "operator_replay", operator_health.replay, methods=POST)
    pages.add_url_rule(f"{path}/sync", "operator_sync", operator_health.sync, methods=POST)
    pages.add_url_rule(f"{path}/compare", "operator_compare", operator_health.compare, methods=BOTH)
