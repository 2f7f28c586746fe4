"""A row that a host prints says what it is, and holds back what is secret."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from flask_prepaid.payments.customers.models import SavedCard
from flask_prepaid.payments.models import Payment, PaymentState, Via
from prepaid_ledger import Entry, InsufficientCredits, NothingToReverse

from .host import OWNER, Host


def test_an_entry_a_payment_and_a_card_say_what_they_are(host: Host) -> None:
    host.grant(10)
    (entry,) = host.prepaid.entries(OWNER)
    payment = Payment(
        id=17, owner=OWNER, state=PaymentState.PAID, via=Via.CARD, amount_minor=500, currency="usd"
    )
    card = SavedCard(id="pm_1", owner=OWNER, brand="visa", last4="4242", name="Pat", fingerprint="secret")

    assert repr(entry).startswith("Entry(seq=1, kind='grant', credits=10, key='gift', balance_after=10, at=")
    assert repr(payment) == (
        "Payment(id=17, owner='user:1', via='card', state='paid', amount_minor=500, currency='usd')"
    )
    assert repr(card) == "SavedCard(id='pm_1', owner='user:1', brand='visa', last4='4242')"


def test_a_row_whose_session_is_gone_can_be_printed(host: Host) -> None:
    host.grant(10)
    entry = host.db.session.scalars(select(Entry)).one()
    host.db.session.expire(entry)
    host.db.session.expunge(entry)

    assert repr(entry) == "Entry()"


def test_sentences_about_credits_are_english(host: Host) -> None:
    with pytest.raises(InsufficientCredits, match=r"^1 credit is needed, 0 are available$"):
        host.prepaid.spend_now(OWNER, credits=1, key="report:1")
    host.grant(1)
    with pytest.raises(InsufficientCredits, match=r"^2 credits are needed, 1 is available$"):
        host.prepaid.spend_now(OWNER, credits=2, key="report:2")
    host.prepaid.spend_now(OWNER, credits=1, key="all")
    host.prepaid.reverse(OWNER, spend_key="all", key="back")
    host.db.session.commit()
    with pytest.raises(NothingToReverse, match=r"^nothing of 'all' is left to give back$"):
        host.prepaid.reverse(OWNER, spend_key="all", key="again")
