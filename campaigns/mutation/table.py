"""Which lines are changed, by which tests each is to be noticed, and which changes make no difference."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Nearby:
    """The tests of some files. All of them run in a minute of one core, on SQLite."""

    folder: str
    files: tuple[str, ...]
    tests_in: str
    tests: tuple[str, ...]

    def sources(self) -> list[Path]:
        return [ROOT / self.folder / name for name in self.files]

    def paths(self) -> list[str]:
        return [f"{self.tests_in}/{name}" for name in self.tests]


NEARBY = {
    "ledger": Nearby(
        "prepaid-ledger/src/prepaid_ledger/books",
        (
            "wallets/posting.py",
            "wallets/wallet_state.py",
            "entries.py",
            "lots/lots.py",
            "expiry.py",
            "reversals/clawbacks.py",
            "reversals/shares.py",
            "holds.py",
            "hold_states.py",
            "allowances.py",
        ),
        "prepaid-ledger/tests/ledger",
        (
            "test_lots.py",
            "test_ends.py",
            "test_money_back.py",
            "test_unspent.py",
            "test_holds.py",
            "test_spending.py",
            "test_uses.py",
            "test_audit.py",
            "test_budgets.py",
            "test_prices.py",
        ),
    ),
    "archive": Nearby(
        "prepaid-ledger/src/prepaid_ledger/archive",
        ("archiving.py", "finished.py", "place.py"),
        "prepaid-ledger/tests/ledger",
        ("test_archive.py", "test_archive_corners.py", "test_archive_proofs.py"),
    ),
    "purchases": Nearby(
        "flask-prepaid/src/flask_prepaid",
        (
            "payments/payments.py",
            "payments/outcome/applying.py",
            "payments/outcome/comparison.py",
            "payments/outcome/giving.py",
            "payments/outcome/transitions.py",
            "purchases/auto_topup/topups.py",
            "purchases/auto_topup/topup_rules.py",
            "purchases/auto_topup/topup_cause.py",
            "purchases/auto_topup/topup_ceiling.py",
            "purchases/money_back/refunds.py",
            "purchases/money_back/refundable.py",
            "purchases/money_back/refund_sync.py",
            "purchases/money_back/disputes/disputes.py",
            "purchases/money_back/disputes/dispute_sync.py",
        ),
        "flask-prepaid/tests/buying/purchases",
        (
            "test_checkout.py",
            "test_what_stripe_holds.py",
            "test_tax_and_debits.py",
            "test_topups.py",
            "test_topup_causes.py",
            "test_refunds.py",
        ),
    ),
    "debts": Nearby(
        "flask-prepaid/src/flask_prepaid/purchases",
        ("money_back/disputes/disputed_plans.py", "debts.py"),
        "flask-prepaid/tests/buying/purchases",
        ("test_debts.py", "test_disputed_plans.py", "test_topup_causes.py", "test_fraud_warnings.py"),
    ),
    "plans": Nearby(
        "flask-prepaid/src/flask_prepaid",
        (
            "subscriptions/invoices/worth.py",
            "subscriptions/invoices/invoice_credits.py",
            "subscriptions/invoices/giving.py",
            "subscriptions/invoices/smaller_plans.py",
            "purchases/money_back/taking_back.py",
        ),
        "flask-prepaid/tests/buying",
        (
            "purchases/test_refunds.py",
            "subscriptions/test_invoice_lines.py",
            "subscriptions/test_changing.py",
            "subscriptions/test_nothing_charged.py",
            "subscriptions/test_events.py",
        ),
    ),
    "months": Nearby(
        "flask-prepaid/src/flask_prepaid/subscriptions/invoices",
        ("plan_months.py", "month_refunds.py"),
        "flask-prepaid/tests/buying/subscriptions",
        ("test_months.py", "test_month_disputes.py"),
    ),
}

#: Changes that once went unnoticed, by file and change: they are always among those that are tried.
ALWAYS = (
    (
        "comparison.py",
        "(asked_minor, fetched.currency) != (payment.amount_minor, payment.currency)"
        " -> (asked_minor,) != (payment.amount_minor,)",
    ),
    (
        "topup_rules.py",
        "room_minor // tax_rates.with_tax(pack.amount_minor, rate, pack.currency)"
        " -> -(-room_minor // tax_rates.with_tax(pack.amount_minor, rate, pack.currency))",
    ),
    ("shares.py", "min(bought, self.credits - self.named) -> bought"),
    ("shares.py", "min(credits, self.credits - self.taken - covered) -> credits"),
    (
        "refundable.py",
        "select(Refund.payment_intent_id, func.sum(Refund.amount_minor))"
        ".where(Refund.payment_id.in_(payment_ids), "
        "Refund.state.not_in(NOT_REFUNDED)) -> "
        "select(Refund.payment_intent_id, func.sum(Refund.amount_minor))"
        ".where(Refund.payment_id.in_(payment_ids))",
    ),
    (
        "month_refunds.py",
        "select(PlanMonth.number).where(PlanMonth.invoice_id == invoice_id) -> select(PlanMonth.number)",
    ),
)

#: Changes that nothing can notice, by file, source line and change, each with the reason.
EQUIVALENT: dict[tuple[str, str, str], str] = {
    (
        "expiry.py",
        "if wallet.is_due or has_returns_to_expire(session, wallet):",
        "wallet.is_due or has_returns_to_expire(session, wallet) -> has_returns_to_expire(session, wallet)",
    ): "what was due is written before a hold is closed, by all who close one",
    (
        "taking_back.py",
        "if amount_minor > before:",
        "amount_minor > before -> amount_minor >= before",
    ): "where both are the same, it has returned before",
    (
        "clawbacks.py",
        "take = clawed.share(Claim(wallet.seq + 1, refunded_minor, credits)).taken - clawed.credits",
        "1 -> 0",
    ): "it stands last among the moves, and they are put in order by a stable sort: it stays the last",
    (
        "clawbacks.py",
        "return share_of(self.lot.credits, self.lot.amount_minor or 0, moves)",
        "0 -> 1",
    ): "any refund takes all of what cost nothing, and all of what cost 1",
    (
        "shares.py",
        "self.covered = max(0, bought - self.for_money)",
        "0 -> -1",
    ): "what is taken for money is never more than what the money bought, as less than nothing is never gone",
    (
        "allowances.py",
        "finish(store)",
        "finish(store) -> pass",
    ): "lots are drawn when somebody asks, and each entry has kept next_expiry_at as a lower bound",
    (
        "topups.py",
        "row.after_seq = session.scalar(select(Wallet.seq).where(Wallet.owned_by(row.owner))) or 0",
        "0 -> -1",
    ): "the first entry of a wallet is its number 1",
    (
        "clawbacks.py",
        "0,",
        "0 -> 1",
    ): "credits are worked out below, and put in its place",
    **{
        (
            "archiving.py",
            "batch, events = list[Stretch](), 0",
            change,
        ): "a batch ends one event sooner or later"
        for change in ("0 -> 1", "0 -> -1")
    },
    (
        "debts.py",
        "if entry.debt > 0:",
        "0 -> -1",
    ): "an entry that has changed no debt is not read",
    (
        "disputed_plans.py",
        "if payment.via is Via.PLAN:",
        "if payment.via is Via.PLAN: -> if True:",
    ): "no invoice of a plan has the payment of a pack: the next tick looks, and ends nothing",
    (
        "disputed_plans.py",
        "mine = update(table).where(table.id == word_id, table.end_plan_at <= now)",
        "table.end_plan_at <= now -> table.end_plan_at < now",
    ): "a word of this very microsecond is ended by the next tick",
    (
        "hold_states.py",
        "if captured < hold.credits:",
        "if captured < hold.credits: -> if True:",
    ): "where all is captured, 0 credits are given back",
    (
        "month_refunds.py",
        "session.scalar(select(PlanMonth.number).where(PlanMonth.invoice_id == invoice_id).limit(1))",
        "1 -> 2",
    ): "of several rows the first is looked at",
    (
        "plan_months.py",
        "return any(session.scalar(later.limit(1)) is not None for later in (months, periods))",
        "1 -> 2",
    ): "of several rows the first is looked at",
}
