"""Operators' forms that are sent several times, or all at once: each counts once, and is recorded once."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import select

from flask_prepaid.codes.models import Code
from flask_prepaid.payments.customers.models import OperatorNote
from flask_prepaid.payments.models import Payment
from flask_prepaid.web.operator.models import OperatorDay
from rando_number.extensions import db
from rando_number.models import AuditLine

from ..reading import forms
from ..running_shop import RunningShop, Visitor
from ..serving import at_once
from ..test_presses_at_once import faults_of, with_card

TIMES = 4


def send_at_once(operator: Visitor, path: str, **form: str) -> list[int]:
    """The same form from several tabs at the same moment; the statuses of the answers."""
    tabs = [operator.another_tab() for _ in range(TIMES)]

    def send(n: int) -> int:
        status: int = tabs[n].post(path, data=form).status_code
        return status

    return at_once(TIMES, send)


def on_record() -> Counter[str]:
    """How often each thing that an operator does stands in the audit log."""
    lines = db.session.scalars(select(AuditLine).where(AuditLine.action == "operated"))
    return Counter(line.detail["did"] for line in lines)


def test_a_form_that_is_sent_several_times_at_once_counts_once(any_shop: RunningShop) -> None:
    pat, support, finance = any_shop.buyer(), any_shop.operator("support"), any_shop.operator("finance")
    story, refund = f"/admin/customers/{pat.owner}", "/admin/payments/1/refund"
    code, why = "/admin/codes/make", {"reason": "for the trouble"}
    hidden = {
        path: forms(operator.get(page).text)[path]
        for operator, page, path in (
            (support, story, "/admin/grant"),
            (finance, story, "/admin/adjust"),
            (finance, story, "/admin/note"),
            (finance, refund, refund),
            (finance, "/admin/codes", code),
        )
    }
    sent = [
        send_at_once(support, "/admin/grant", **hidden["/admin/grant"], credits="50", **why),
        send_at_once(
            finance, "/admin/adjust", **hidden["/admin/adjust"], direction="take", credits="5", **why
        ),
        send_at_once(finance, "/admin/note", **hidden["/admin/note"], text="Called, and was friendly."),
        send_at_once(finance, refund, **hidden[refund], amount="4.00", **why),
        send_at_once(finance, code, **hidden[code], credits="5", **why),
    ]

    assert {status for statuses in sent for status in statuses} == {303}
    assert pat.balance == 13 + 50 - 5 - 4
    with any_shop.app.app_context():
        assert db.session.scalars(select(OperatorDay.credits)).all() == [50]
        assert len(db.session.scalars(select(OperatorNote)).all()) == 1
        assert len(db.session.scalars(select(Code)).all()) == 1
        assert on_record() == Counter(("grant", "adjust", "note", "refund", "codes"))


def test_a_note_that_somebody_else_or_somebody_later_writes_is_kept(shop: RunningShop) -> None:
    pat, support, finance = shop.buyer(), shop.operator("support"), shop.operator("finance")
    written = [(support, "Called."), (finance, "Called."), (support, "Called."), (support, "Wrote.")]
    for operator, text in written:
        operator.send("/admin/note", form_of=f"/admin/customers/{pat.owner}", owner=pat.owner, text=text)

    with shop.app.app_context():
        notes = db.session.scalars(select(OperatorNote.text).order_by(OperatorNote.id)).all()
    assert notes == ["Called.", "Called.", "Called.", "Wrote."]


def test_all_that_an_operator_can_do_with_a_customer_at_once(any_shop: RunningShop) -> None:
    faults = faults_of(any_shop)
    pat, card = with_card(any_shop, "pat@rando.test")
    pat.send("/subscription", plan="small", saved_card=card)
    admin = any_shop.operator("admin")
    story = f"/admin/customers/{pat.owner}"
    token = {"csrf_token": forms(admin.get(story).text)["/admin/grant"]["csrf_token"], "owner": pat.owner}
    plan = {"quantity": "1", "proration_date": "1760000000", "due_minor": "100", "plan": "large"}
    presses: list[tuple[str, dict[str, str]]] = [
        *(("/admin/plan", {"do": what, **plan}) for what in ("cancel", "cancel-now", "keep", "change")),
        *(("/admin/block", {"do": what}) for what in ("block", "unblock")),
        *(("/admin/payments/1/refund", {"amount": amount}) for amount in ("3.00", "10.00", "10.00")),
        ("/admin/grant", {"credits": "7"}),
        ("/admin/adjust", {"credits": "9", "direction": "take"}),
        ("/admin/note", {"text": "At once."}),
        *(("/admin/inbox/replay", each) for each in ({"all": "1"}, {"owner": pat.owner})),
        *(("/admin/compare", each) for each in ({"fix": "1"}, {})),
        ("/admin/sync", {}),
    ]
    tabs = [admin.another_tab() for _ in presses]

    def press(n: int) -> int:
        path, fields = presses[n]
        form = {**token, "reason": "at once", "attempt": f"{n}" * 20, **fields}
        status: int = tabs[n].post(path, data=form).status_code
        return status

    statuses = at_once(len(presses), press)

    assert 500 not in statuses, (statuses, faults)
    assert faults == []
    any_shop.stripe.deliver()
    with any_shop.app.app_context():
        for payment in db.session.scalars(select(Payment)):
            assert payment.refunded_minor <= payment.charged_minor
