"""What an operator does with one customer: block, change the plan, take notes; and the list of customers."""

from __future__ import annotations

import csv
import io
import re
from smtplib import SMTPRecipientsRefused

from sqlalchemy import event, select, text
from stripe import StripeClient

from flask_prepaid.outbox import mail_log
from flask_prepaid.outbox.mail_log import SentMail
from prepaid_ledger import clock
from rando_number.extensions import db
from rando_number.models import AuditLine

from ..reading import forms
from ..running_shop import Program, RunningShop, Visitor


def plan_of(shop: RunningShop, pat: Visitor) -> str | None:
    with shop.app.app_context():
        summary = shop.prepaid.plan(pat.owner)
        return summary.slug if summary else None


def test_a_blocked_customer_gets_in_neither_by_browser_nor_by_key_until_let_in(shop: RunningShop) -> None:
    pat, finance = shop.buyer(), shop.operator("finance")
    key = Program(shop, pat.make_key())
    story = f"/admin/customers/{pat.owner}"

    finance.send("/admin/block", form_of=story, reason="a stolen card")

    assert "blocked" in finance.get(story).text
    assert "/login" in pat.get("/user-profile").location
    assert key.get("/number/").status_code == 401
    assert shop.visitor().login(pat.email).status_code == 200  # the form again: refused
    finance.send("/admin/block", form_of=story, reason="it was their own")
    assert key.get("/number/").status_code == 200
    with shop.app.app_context():
        actions = db.session.scalars(select(AuditLine).where(AuditLine.action == "operated")).all()
    assert [(line.detail["blocked"], line.detail["reason"]) for line in actions] == [
        (True, "a stolen card"),
        (False, "it was their own"),
    ]


def test_nothing_charges_a_blocked_customer_by_itself(shop: RunningShop) -> None:
    pat, finance = shop.buyer(), shop.operator("finance")
    pat.subscribe()
    opened = re.search(r"cs_test_\w+", pat.send("/cards/add", form_of="/cards").location)
    assert opened is not None
    shop.stripe.pay(opened[0])
    pat.send("/cards/top-up", form_of="/cards", pack="starter", threshold="5", times="4")
    story = f"/admin/customers/{pat.owner}"
    assert "Auto top-up buys “starter” below 5 credits" in finance.get(story).text

    finance.send("/admin/block", form_of=story, reason="a stolen card")

    html = finance.get(story).text
    assert "Auto top-up stopped: this account is blocked" in html
    shop.stripe.advance(months=1, days=1)
    client = StripeClient("sk_test_emulator", http_client=shop.stripe.http_client())
    assert len(client.v1.charges.list().data) == 2  # the pack and the plan's first month
    finance.send("/admin/block", form_of=story, reason="it was their own")
    shop.stripe.advance(months=1)
    assert len(client.v1.charges.list().data) == 3


def test_one_press_refunds_a_payment_that_a_bank_suspects(shop: RunningShop) -> None:
    pat, finance = shop.customer(), shop.operator("finance")
    shop.stripe.pay(pat.buy(pack="starter"), card="4000000000005423")
    assert "1 payment suspected by the card's bank" in finance.get("/admin").text
    page = finance.get("/admin/payments/1").text
    assert "The card's bank suspects this payment (made with stolen card)" in page

    fields = forms(page)["/admin/payments/1/refund"]
    finance.client.post("/admin/payments/1/refund", data=fields)

    assert "suspects" not in finance.get("/admin/payments/1").text
    assert "suspected" not in finance.get("/admin").text
    client = StripeClient("sk_test_emulator", http_client=shop.stripe.http_client())
    assert [refund.amount for refund in client.v1.refunds.list().data] == [1_000]


def test_an_operator_and_a_closed_account_are_not_blocked(shop: RunningShop) -> None:
    shop.buyer()
    admin, finance = shop.operator("admin"), shop.operator("finance")

    admin.send("/admin/block", form_of=f"/admin/customers/{finance.owner}", reason="a quarrel")

    assert finance.get("/admin").status_code == 200


def test_a_plan_is_changed_as_shown_then_cancelled_kept_and_ended(shop: RunningShop) -> None:
    pat, finance = shop.buyer(), shop.operator("finance")
    pat.subscribe()
    path = f"/admin/plan?owner={pat.owner}"
    shown = finance.client.get(f"{path}&plan=medium").text
    fields = forms(shown)["/admin/plan"]

    changed = finance.client.post("/admin/plan", data={**fields, "do": "change", "reason": "by telephone"})

    assert changed.status_code == 303, changed.text
    assert "Change and charge $27.00" in shown
    assert plan_of(shop, pat) == "medium"
    token = forms(finance.client.get(path).text)["/admin/plan"]
    for action, stays in (("cancel", True), ("keep", True), ("cancel-now", False)):
        sent = finance.client.post("/admin/plan", data={**token, "do": action, "reason": "as they wished"})
        assert sent.status_code == 303, (action, sent.text)
        assert (plan_of(shop, pat) is not None) is stays, action
    story = finance.get(f"/admin/customers/{pat.owner}").text
    assert "expansion" in story
    assert "churn" in story


def test_a_plan_is_not_changed_without_a_reason(shop: RunningShop) -> None:
    pat, finance = shop.buyer(), shop.operator("finance")
    pat.subscribe()
    fields = forms(finance.client.get(f"/admin/plan?owner={pat.owner}").text)["/admin/plan"]

    refused = finance.client.post("/admin/plan", data={**fields, "do": "cancel-now", "reason": " "})

    assert refused.status_code == 422
    assert "Write why" in refused.text
    assert plan_of(shop, pat) == "small"


def test_operators_leave_each_other_notes_that_the_customer_never_sees(shop: RunningShop) -> None:
    pat = shop.customer("pat@rando.test")
    support, finance = shop.operator("support"), shop.operator("finance")
    story = f"/admin/customers/{pat.owner}"

    support.send("/admin/note", form_of=story, text="asked for an invoice in euros")

    page = finance.get(story).text
    assert "asked for an invoice in euros" in page
    assert '<a href="#notes-h">Notes (1)</a>' in page
    assert all("euros" not in pat.get(path).text for path in ("/billing", "/user-profile"))
    pat.send("/close-account", form_of="/close-account")
    assert "asked for an invoice" not in finance.get(story).text


def test_a_plan_that_is_to_end_says_so_on_the_page_and_in_the_file(shop: RunningShop) -> None:
    pat, admin = shop.customer(), shop.operator("admin")
    pat.subscribe("small")

    def plan() -> tuple[str, str]:
        lines = csv.DictReader(io.StringIO(admin.get("/admin/customers.csv").text))
        (row,) = (line for line in lines if line["owner"] == pat.owner)
        return row["plan_state"], row["plan_ends_at"]

    runs = plan()
    pat.send("/subscription/cancel", when="end")

    with shop.app.app_context():
        summary = shop.prepaid.plan(pat.owner)
    assert summary is not None
    assert summary.ends_at is not None
    assert (runs, plan()) == (("active", ""), ("ends", summary.ends_at.isoformat(timespec="seconds")))
    assert re.search(r'class="state warn">ends ', admin.get("/admin/customers").text)


def test_customers_are_sorted_by_what_they_spent_and_come_as_a_file(shop: RunningShop) -> None:
    shop.buyer("small@rando.test")
    large = shop.customer("large@rando.test")
    shop.stripe.pay(large.buy(pack="bulk"))
    admin = shop.operator("admin")

    spent = admin.get("/admin/customers", sort="spent").text
    rows = list(csv.DictReader(io.StringIO(admin.get("/admin/customers.csv", sort="spent").text)))

    assert spent.index("large@rando.test") < spent.index("small@rando.test")
    assert "$200.00" in spent
    assert [(row["name"], row["spent_minor"]) for row in rows[:2]] == [
        ("large@rando.test", "20000"),
        ("small@rando.test", "1000"),
    ]


def test_a_row_of_links_leads_through_a_customer_and_what_acts_is_folded_in_the_head(
    shop: RunningShop,
) -> None:
    pat, finance, support = shop.buyer(), shop.operator("finance"), shop.operator("support")
    pat.subscribe()
    story = f"/admin/customers/{pat.owner}"

    page, small = finance.get(story).text, support.get(story).text

    leads_to = re.findall(r'<a href="#([\w-]+)">', page)
    assert leads_to == re.findall(r'<h2 id="([\w-]+)">', page)
    assert [name.removesuffix("-h") for name in leads_to] == (
        ["plan", "payments", "lots", "entries", "invoices", "mails"]
    )
    folded = r'<details name="action"[^>]*><summary[^>]*>([^<]+)</summary>'
    assert re.findall(folded, page) == ["Give credits", "Correct balance", "Write a note", "Block"]
    assert re.findall(folded, small) == ["Give credits", "Write a note"]


def test_the_head_of_a_customers_page_says_plan_and_block(shop: RunningShop) -> None:
    pat, finance = shop.buyer(), shop.operator("finance")
    story = f"/admin/customers/{pat.owner}"
    assert "no plan" in head_of(finance, story)
    pat.subscribe()
    assert re.findall("Small|active|blocked", head_of(finance, story)) == ["Small", "active"]

    finance.send("/admin/block", form_of=story, reason="a stolen card")

    assert "blocked" in head_of(finance, story)


def test_a_plan_that_is_to_end_is_called_active_nowhere(shop: RunningShop) -> None:
    pat, finance = shop.buyer(), shop.operator("finance")
    pat.subscribe()
    pages = (f"/admin/customers/{pat.owner}", f"/admin/plan?owner={pat.owner}", "/admin/customers")
    assert all('<span class="state good">active</span>' in finance.client.get(path).text for path in pages)

    pat.send("/subscription/cancel", form_of="/subscription/cancel", when="end")

    for path in pages:
        shown = finance.client.get(path).text
        assert re.search(r'<span class="state warn">ends <time', shown), path
        assert ">active</span>" not in shown.partition('class="tiles')[0], path  # its history may say so
    assert ", active" not in pat.get("/user-profile").text


def head_of(operator: Visitor, story: str) -> str:
    """What stands above the figures."""
    return operator.get(story).text.partition('class="tiles')[0].partition("<h1>")[2]


def test_a_cause_in_the_ledger_leads_to_its_payment_and_a_hosts_own_cause_nowhere(shop: RunningShop) -> None:
    pat, kim, support = shop.buyer(), shop.customer("kim@rando.test"), shop.operator("support")
    pat.subscribe()
    with shop.app.app_context():
        shop.prepaid.ledger.grant(kim.owner, 5, key="payment:1", reason="a cause of the host's own")
        shop.prepaid.session.commit()

    page = support.get(f"/admin/customers/{pat.owner}").text
    other = support.get(f"/admin/customers/{kim.owner}").text

    ledger = r'<span title="([^"]+)">(?:Bought|From a plan)</span> <span [^>]+><a href="([^"]+)">([^<]+)<'
    assert set(re.findall(ledger, page)) == {
        ("payment:1", "/admin/payments/1", "payment 1"),
        ("invoice:1", "/admin/payments/2", "payment 2"),
    }
    assert 'title="payment:1"' in other
    assert "/admin/payments/1" not in other


def test_a_coupon_and_the_grace_of_a_month_stand_beside_what_they_changed(shop: RunningShop) -> None:
    pat, finance = shop.buyer(), shop.operator("finance")
    pat.subscribe()
    story = f"/admin/customers/{pat.owner}"
    assert "coupon" not in finance.get(story).text
    client = StripeClient("sk_test_emulator", http_client=shop.stripe.http_client())
    coupon = client.v1.coupons.create({"percent_off": 25, "duration": "forever"})
    (plan,) = client.v1.subscriptions.list().data
    client.v1.subscriptions.update(plan.id, {"discounts": [{"coupon": coupon.id}]})

    shop.stripe.advance(months=1, days=1)

    page = finance.get(story).text
    assert "$15.00 a month" in page
    assert "A coupon took $3.75 off the latest invoice." in page
    assert re.findall(r">coupon (-\$[\d.]+)<", page) == ["-$3.75", "-$3.75"], (
        "of the payment, and of its invoice"
    )
    assert re.findall("paid until <time [^>]+>.+?</time>, then grace until <time", page)
    payment = finance.get("/admin/payments/3").text
    shown = re.findall(r"<dt>(Price|Coupon|Paid)</dt><dd>([^<]+)</dd>", payment)
    assert shown == [("Price", "$15.00"), ("Coupon", "-$3.75"), ("Paid", "$11.25")]
    listed = finance.get("/admin/payments").text
    assert re.findall(r'(?:data-label|class)="(Price|paid)">([^<]+)<', listed)[:2] == [
        ("Price", "$15.00"),
        ("paid", "$11.25"),
    ]


def test_refunded_stands_on_a_customers_page_once_something_was(shop: RunningShop) -> None:
    pat, finance = shop.buyer(), shop.operator("finance")
    story, refund = f"/admin/customers/{pat.owner}", "/admin/payments/1/refund"
    assert "refunded" not in finance.get(story).text

    finance.send(refund, amount="4.00", reason="half of it")

    page = finance.get(story).text
    assert re.findall(r">(?:refunded )?(\$[\d.]+)(?: refunded)?</(?:p|span)>", page)[:2] == [
        "$10.00",
        "$4.00",
    ], "in all"
    assert ">refunded $4.00<" in page, "beside its payment"


def test_a_customers_page_shows_a_history_and_an_address_only_where_they_say_more(
    shop: RunningShop,
) -> None:
    pat, admin = shop.buyer("pat@rando.test"), shop.operator("admin")
    pat.subscribe()
    story = f"/admin/customers/{pat.owner}"
    page = admin.get(story).text
    assert not re.findall("history|<th>To</th>", page)
    assert page.count('<span class="state good">active</span>') == 1

    admin.send("/admin/grant", form_of=story, credits="5", reason="a late reply")
    with shop.app.app_context():
        mail = SentMail("old@rando.test", "receipt", "Your receipt")
        mail_log.note(db.session(), pat.owner, mail, uid=None, now=clock.wall())
        db.session.commit()
    fields = forms(admin.client.get(f"/admin/plan?owner={pat.owner}").text)["/admin/plan"]
    admin.client.post("/admin/plan", data={**fields, "do": "cancel", "reason": "as they wished"})

    page = admin.get(story).text
    assert "old@rando.test" in page
    assert "<th>To</th>" in page
    assert "a late reply" in page
    history = page.partition("The plan's history")[2]
    assert '<td class="first">Small</td>' in history


def test_a_debt_and_what_is_set_aside_stand_with_the_balance(shop: RunningShop) -> None:
    pat, admin = shop.buyer(), shop.operator("admin")
    story = f"/admin/customers/{pat.owner}"
    assert "all available" in admin.get(story).text
    with shop.app.app_context():
        shop.prepaid.hold(pat.owner, 3, key="a call that runs")
        shop.prepaid.session.commit()

    assert "10 available, 3 set aside" in admin.get(story).text


def test_an_event_that_was_not_handled_stands_on_its_customers_page_and_runs_again_there(
    shop: RunningShop,
) -> None:
    pat, kim = shop.buyer(), shop.buyer("kim@rando.test")
    admin, support = shop.operator("admin"), shop.operator("support")
    story = f"/admin/customers/{pat.owner}"
    assert "not handled" not in admin.get(story).text
    with shop.app.app_context():
        failed = "handled_at = NULL, outcome = 'GatewayUnavailable: none'"
        paid = "type = 'checkout.session.completed'"
        db.session.execute(text(f"UPDATE prepaid_inbox SET {failed} WHERE {paid}"))
        db.session.commit()

    page, other = admin.get(story).text, support.get(story).text

    assert "1 event of Stripe's was not handled" in page
    banner = page[page.index("was not handled") :].partition("</p>")[0]
    assert ", $10.00, <time" in banner
    assert "Our question to Stripe was not answered." in banner
    (event_id,) = re.findall(r'show=all&amp;q=(evt_\w+)">checkout.session.completed<', page)
    assert event_id in other
    assert "Run again" not in other, "who may run none sees that there is one"
    admin.client.post("/admin/inbox/replay", data=forms(page)["/admin/inbox/replay"])
    page = admin.get(story).text
    assert "1 handled, 0 failed again." in page
    assert "was not handled" not in page
    assert "1 event of Stripe's was not handled" in admin.get(f"/admin/customers/{kim.owner}").text
    assert pat.balance == 13, "nothing is given twice"


def test_a_clawback_leads_to_its_payment_and_says_why(shop: RunningShop) -> None:
    pat, finance = shop.buyer(), shop.operator("finance")

    finance.send("/admin/payments/1/refund", amount="10.00", reason="all of it")

    page = finance.get(f"/admin/customers/{pat.owner}").text
    assert (
        '>Taken back</span> <span class="quiet"><a href="/admin/payments/1">payment 1</a>: refunded<' in page
    )


def test_what_was_spent_says_for_what_and_by_whom(shop: RunningShop) -> None:
    pat, support = shop.buyer(), shop.operator("support")
    pat.make_key("nightly")
    with shop.app.app_context():
        (key,) = shop.prepaid.keys(pat.owner)
        shop.prepaid.spend(pat.owner, credits=2, key="job:1", item="report", spender=key.spender)
        shop.prepaid.session.commit()

    page = support.get(f"/admin/customers/{pat.owner}").text

    assert 'title="job:1">Spent</span> <span class="quiet">report by nightly<' in page


def test_a_customers_page_says_whom_they_are_billed_as(shop: RunningShop) -> None:
    pat, support = shop.customer(), shop.operator("support")
    story = f"/admin/customers/{pat.owner}"
    assert "No billing address." in support.get(story).text
    company = {"company": "Ada GmbH", "line1": "Hauptstr. 1", "postal_code": "10115", "city": "Berlin"}

    pat.send("/billing", form_of="/billing", **company, country="DE", tax_id="DE123456789")

    page = support.get(story).text
    assert "Billed to Ada GmbH, Hauptstr. 1, 10115 Berlin, DE" in page
    assert "Tax id DE123456789" in page


def test_what_is_known_of_a_customer_stands_before_what_can_be_done(shop: RunningShop) -> None:
    pat, finance = shop.buyer(), shop.operator("finance")

    page = finance.get(f"/admin/customers/{pat.owner}").text

    places = [page.index(words) for words in ("<h1>", ">Balance<", ">Give credits<", ">Payments</h2>")]
    assert places == sorted(places)
    assert re.findall(r'<td class="act"><a class="([^"]+)"[^>]*>Refund<', page) == ["quiet"]


#: What the log of mails keeps, and what a customer's page says.
NOT_SENT = {
    ConnectionRefusedError(): "Our mail server did not answer.",
    SMTPRecipientsRefused({}): "Our mail server refused the address.",
    KeyError("id"): "This app failed, and its log says where: KeyError",
}


def test_why_a_mail_was_not_sent_is_in_words(shop: RunningShop) -> None:
    pat, support = shop.buyer("pat@rando.test"), shop.operator("support")
    with shop.app.app_context():
        for error in NOT_SENT:
            shop.prepaid.note_mail(
                pat.owner, address="pat@rando.test", name="receipt", subject="Your receipt", error=error
            )
        late = SentMail("pat@rando.test", "receipt", "Your receipt", withheld="older than 30 days")
        mail_log.note(db.session(), pat.owner, late, uid=None, now=clock.wall())
        db.session.commit()

    page = support.get(f"/admin/customers/{pat.owner}").text

    reasons = re.findall(r'class="quiet why">([^<]+)<', page)
    assert reasons == ["It was held back: older than 30 days.", *reversed(NOT_SENT.values())]


def test_a_customers_page_asks_the_database_no_more_often_for_many_payments(shop: RunningShop) -> None:
    pat, support = shop.buyer(), shop.operator("support")
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    def asked() -> int:
        statements.clear()
        assert support.get(f"/admin/customers/{pat.owner}").status_code == 200
        return len(statements)

    with shop.app.app_context():
        event.listen(db.engine, "before_cursor_execute", note)
    asked()
    once = asked()
    for _ in range(3):
        shop.stripe.pay(pat.buy(pack="starter"))

    assert asked() == once


def test_four_digits_find_whose_card_ends_with_them(shop: RunningShop) -> None:
    pat, finance = shop.customer(), shop.operator("finance")
    opened = re.search(r"cs_test_\w+", pat.send("/cards/add", form_of="/cards").location)
    assert opened is not None
    shop.stripe.pay(opened[0])
    pat.get("/cards")

    assert finance.get("/admin/customers", q="4242").location == f"/admin/customers/{pat.owner}"
    nobody = finance.get("/admin/customers", q="9876").text
    assert "Nothing matches “9876”. Search by email, name, last four digits of a card" in nobody
