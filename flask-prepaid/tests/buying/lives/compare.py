"""A life's shop and its model side by side: credits, lots, payments, money at Stripe, and the audit."""

from __future__ import annotations

from collections import Counter
from typing import Any

from flask_prepaid.payments.models import PaymentState

from .life import Life
from .world import OWNER


def compare(life: Life) -> None:
    """Nothing is owed to anybody, in credits or in money, that the model does not say.

    :raises AssertionError: Something is.
    """
    compare_credits(life)
    prepaid, model, now = life.shop.prepaid, life.model, life.now
    lots = life.read(lambda: prepaid.lots(OWNER))
    left = [(lot.left, lot.expires_at, lot.amount_minor) for lot in lots if lot.left]
    same("lots", left, model.wallet.left(now, []))
    budgets = {
        (budget.spender, budget.every): (budget.credits, budget.spent)
        for budget in life.read(lambda: prepaid.budgets(OWNER))
    }
    same(
        "budgets",
        budgets,
        {
            key: (budget.credits, model.wallet.charged(budget, now, []))
            for key, budget in model.wallet.budgets.items()
        },
    )
    same("payments", payments_of(life), payments_in(life))
    same("money at Stripe", money_at_stripe(life), model.money())
    same("the audit", [str(problem) for problem in life.shop.audit()], [])


def compare_credits(life: Life) -> None:
    """The same of credits alone, which is quick."""
    life.model.expire(life.now)
    wallet = life.read(lambda: life.shop.prepaid.wallet(OWNER))
    same("credits", vars_of(wallet), vars_of(life.model.wallet))


def same(what: str, came: Any, wanted: Any) -> None:
    assert came == wanted, f"{what}: {came}, not {wanted}"


def vars_of(wallet: Any) -> dict[str, int]:
    return {name: getattr(wallet, name) for name in ("available", "held", "debt")}


def payments_of(life: Life) -> dict[int, tuple[int, int, int, int]]:
    """What the rows say: credits, paid, charged, refunded."""
    return {
        row.id: (row.credits, row.paid_minor or 0, row.charged_minor, row.refunded_minor)
        for row in life.shop.payments(OWNER)
        if row.state is PaymentState.PAID
    }


def payments_in(life: Life) -> dict[int, tuple[int, int, int, int]]:
    """What the model says of the same: a balance's money is not what was paid for a plan."""
    return {
        life.rows[name]: (
            payment.lot.credits,
            payment.charged_minor if name.startswith("plan:") else payment.paid_minor,
            payment.charged_minor,
            payment.refunded_minor,
        )
        for name, payment in life.model.payments.items()
    }


def money_at_stripe(life: Life) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for charge in life.shop.charges():
        sums[f"{charge.currency} charged"] += charge.amount
    client = life.shop.dashboard()
    for refund in client.v1.refunds.list({"limit": 100}).auto_paging_iter():
        if refund.status in ("succeeded", "pending"):
            sums[f"{refund.currency} refunded"] += refund.amount
    return {name: minor for name, minor in sums.items() if minor}
