"""``from flask_prepaid import ...`` keeps every name that it has ever had."""

from __future__ import annotations

import flask_prepaid

FIRST_EXPORTED = {
    "Desk",
    "InsufficientCredits",
    "Operator",
    "Pack",
    "Payment",
    "Plan",
    "Prepaid",
    "PrepaidError",
    "PriceTier",
    "Quantity",
    "Role",
    "include_name",
    "operator_acts",
}


def test_every_name_that_was_exported_once_is_exported_now() -> None:
    assert set(flask_prepaid.__all__) >= FIRST_EXPORTED
    assert all(hasattr(flask_prepaid, name) for name in flask_prepaid.__all__)


def test_the_first_name_of_the_operators_is_the_same_class() -> None:
    assert flask_prepaid.Desk is flask_prepaid.Operators
