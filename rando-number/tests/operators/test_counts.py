"""Numbers on the operator's pages count what there is, and not how much of it a list shows."""

from __future__ import annotations

from datetime import timedelta

from flask_prepaid.payments.customers.models import OperatorNote
from flask_prepaid.payments.models import Dispute
from rando_number.extensions import db

from ..running_shop import RunningShop


def test_more_disputes_than_a_list_shows_are_counted_all(shop: RunningShop) -> None:
    shop.buyer()
    finance = shop.operator("finance")
    with shop.app.app_context():
        now = shop.prepaid.clock()
        for number in range(103):
            dispute = Dispute(
                id=f"dp_{number}",
                payment_id=1,
                payment_intent_id=f"pi_{number}",
                amount_minor=1_000,
                state="warning_needs_response",
                reason="fraudulent",
                evidence_due_at=now + timedelta(days=1 + number),
                created_at=now,
                fetched_at=now,
                taken_minor=0,
                taken_once=0,
                takes=0,
            )
            db.session.add(dispute)
        db.session.commit()

    page = finance.get("/admin").text

    assert "103 disputes wait for evidence" in page
    assert "The 100 that are due first are shown." in page
    assert "103 disputes wait for evidence" in shop.command("prepaid", "doctor").output


def test_more_notes_than_a_page_shows_are_counted_all(shop: RunningShop) -> None:
    pat, finance = shop.customer(), shop.operator("finance")
    with shop.app.app_context():
        now = shop.prepaid.clock()
        for number in range(23):
            note = OperatorNote(owner=pat.owner, operator=finance.owner, text=f"note {number}", at=now)
            db.session.add(note)
        db.session.commit()

    page = finance.get(f"/admin/customers/{pat.owner}").text

    assert "Notes (23)" in page
    assert "The latest 20 are shown." in page
