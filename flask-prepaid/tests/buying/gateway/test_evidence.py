"""Until when a bank takes evidence, as Stripe says it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from flask_prepaid.gateway.money_back.money_back_values import dispute_of
from prepaid_ledger import clock

from ..shop import Shop


@pytest.mark.parametrize(
    ("due_by", "due_at"),
    [(1_800_000_000, datetime(2027, 1, 15, 8, tzinfo=UTC)), (0, None), (None, None)],
)
def test_a_bank_that_takes_no_evidence_names_no_day(
    shop: Shop, due_by: int | None, due_at: datetime | None
) -> None:
    """Stripe writes 0 there. https://docs.stripe.com/api/disputes/object#dispute_object-evidence_details"""
    shop.stripe.pay(shop.buy(), card="4000000000000259")  # its owner disputes it
    (dispute,) = shop.dashboard().v1.disputes.list().data
    dispute.evidence_details.due_by = due_by

    assert dispute_of(dispute, clock.wall()).evidence_due_at == due_at
