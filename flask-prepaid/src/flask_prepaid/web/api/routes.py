"""Every call of the API: its method, its path below ``PREPAID_PATHS``, what it takes and what it answers."""

from __future__ import annotations

from flask import Blueprint, request

from . import asks, buying, calls, cards, document, keys, plans, shapes, top_up, wallet
from .calls import Call, Query

CURRENCY = Query("currency", "What the customer chooses to pay in", {"type": "string"})
LIMIT = Query(
    "limit",
    "How many at most",
    {"type": "integer", "minimum": 1, "maximum": wallet.MAX_PAGE, "default": wallet.PAGE},
)
CURSOR = Query("cursor", "next_cursor of the page before", {"type": "string"})
FROM = Query(
    "from", "The first day, UTC; 29 days before today if absent", {"type": "string", "format": "date"}
)
TO = Query("to", "The last day, UTC; today if absent", {"type": "string", "format": "date"})
BY = Query(
    "by",
    "What to add up by",
    {"type": "string", "enum": ["day", "hour", "spender", "item"], "default": "day"},
)
CREDITS = Query("credits", "How many", {"type": "integer", "minimum": 1}, required=True)
WANTED = (
    Query("plan", "The slug of the plan to change to", {"type": "string"}, required=True),
    Query("quantity", "How many times over", {"type": "integer", "minimum": 1, "default": 1}),
    Query("currency", "The currency in which its price was shown", {"type": "string"}),
)

CALLS = [
    Call("GET", "/session", wallet.session, shapes.SessionAnswer),
    Call("GET", "/balance", wallet.balance, shapes.BalanceAnswer),
    Call("GET", "/budgets", wallet.budgets, shapes.BudgetsAnswer),
    Call("GET", "/entries", wallet.entries, shapes.EntriesAnswer, query=(LIMIT, CURSOR)),
    Call("GET", "/usage", wallet.usage, shapes.UsageAnswer, query=(FROM, TO, BY)),
    Call("GET", "/statement", wallet.statement, shapes.StatementAnswer, query=(FROM, TO)),
    Call("GET", "/prices", buying.prices, shapes.PricesAnswer, query=(CURRENCY,)),
    Call("GET", "/total", buying.total, shapes.TotalAnswer, query=(CREDITS,)),
    Call("POST", "/checkout", buying.checkout, shapes.OpenedAnswer, asks.CheckoutAsk, keyed=True),
    Call("GET", "/checkout/<session_id>", buying.checkout_result, shapes.PaymentAnswer),
    Call("POST", "/charge", buying.charge, shapes.PaymentAnswer, asks.ChargeAsk, keyed=True, needs_key=True),
    Call("GET", "/payments", buying.payments, shapes.PaymentsAnswer, query=(LIMIT, CURSOR)),
    Call("GET", "/payments/<payment_id>", buying.payment, shapes.PaymentAnswer),
    Call(
        "POST",
        "/payments/<payment_id>/resume",
        buying.resume_payment,
        shapes.PaymentAnswer,
        asks.ResumePaymentAsk,
    ),
    Call("POST", "/redeem", buying.redeem, shapes.RedeemedAnswer, asks.CodeAsk, keyed=True),
    Call("GET", "/cards", cards.card_list, shapes.CardsAnswer),
    Call("POST", "/cards", cards.card_add, shapes.OpenedAnswer, asks.NewCardAsk),
    Call("PUT", "/cards/<card_id>", cards.card_correct, shapes.CardsAnswer, asks.CardAsk),
    Call("POST", "/cards/<card_id>/default", cards.card_choose, shapes.CardsAnswer),
    Call("DELETE", "/cards/<card_id>", cards.card_remove, shapes.CardsAnswer, asks.RemoveCardAsk),
    Call("GET", "/top-up", top_up.top_up, shapes.TopUpAnswer),
    Call("PUT", "/top-up", top_up.top_up_on, shapes.TopUpAnswer, asks.TopUpAsk),
    Call("DELETE", "/top-up", top_up.top_up_off, shapes.TopUpAnswer),
    Call("GET", "/plan", plans.plan, shapes.PlanAnswer),
    Call("POST", "/plan", plans.plan_begin, shapes.BegunAnswer, asks.PlanAsk, keyed=True),
    Call("GET", "/plan/checkout/<session_id>", plans.plan_result, shapes.PlanAnswer),
    Call("GET", "/plan/change", plans.plan_preview, shapes.ChangeAnswer, query=WANTED),
    Call("POST", "/plan/change", plans.plan_change, shapes.PlanAnswer, asks.ChangeAsk),
    Call("POST", "/plan/cancel", plans.plan_cancel, shapes.PlanAnswer, asks.CancelAsk),
    Call("POST", "/plan/keep", plans.plan_keep, shapes.PlanAnswer),
    Call("POST", "/plan/pause", plans.plan_pause, shapes.PlanAnswer),
    Call("POST", "/plan/resume", plans.plan_resume, shapes.PlanAnswer, asks.ResumeAsk),
    Call("POST", "/plan/card", plans.plan_card, shapes.PlanAnswer, asks.PlanCardAsk),
]

#: Those of a host that has keys.
OF_KEYS = [
    Call("GET", "/keys", keys.key_list, shapes.KeysAnswer),
    Call("POST", "/keys", keys.key_make, shapes.NewKeyAnswer, asks.NewKeyAsk),
    Call("DELETE", "/keys/<key_id>", keys.key_revoke, shapes.KeysAnswer),
    Call("PUT", "/budgets", keys.budget_set, shapes.KeysAnswer, asks.BudgetAsk),
]


def add_to(pages: Blueprint, path: str, *, with_keys: bool) -> None:
    """Put the API, and the document that describes it, below ``path``."""
    served = [*CALLS, *OF_KEYS] if with_keys else CALLS
    calls.add_to(pages, path, served)
    pages.add_url_rule(
        f"{path}/openapi.json", "openapi", lambda: document.of(served, f"{request.root_path}{path}")
    )
