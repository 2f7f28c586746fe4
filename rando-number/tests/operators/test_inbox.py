"""The inbox of the operator's pages: what Stripe sent, why an event was not handled, and running it again."""

from __future__ import annotations

import re

from sqlalchemy import text

from rando_number.extensions import db

from ..reading import forms
from ..running_shop import RunningShop


def test_all_failed_events_of_the_inbox_run_again_at_once(shop: RunningShop) -> None:
    shop.buyer()
    admin = shop.operator("admin")
    with shop.app.app_context():
        db.session.execute(text("UPDATE prepaid_inbox SET handled_at = NULL, outcome = 'Busy'"))
        db.session.commit()
    waiting = admin.get("/admin/inbox")
    assert re.findall(r"Run all \d+ again", waiting.text)
    assert "<th>State</th>" not in waiting.text, "all of them are of one state"

    done = admin.send("/admin/inbox/replay", form_of="/admin/inbox", all="1")

    assert done.status_code == 303
    assert "Every event is handled" in admin.get("/admin/inbox").text


def test_an_event_says_whom_it_is_about_what_came_of_it_and_how_often_it_was_tried(shop: RunningShop) -> None:
    pat, admin = shop.buyer(), shop.operator("admin")
    every = {"show": "all", "q": "checkout.session.completed"}
    done = admin.get("/admin/inbox", **every).text
    about = r'<a href="([^"]+)">pat@rando.test</a><span class="sum"> · (\$[\d.]+)<'
    assert re.findall(about, done) == [(f"/admin/customers/{pat.owner}", "$10.00")]
    assert re.findall('<span class="state ">([^<]+)<', done) == ["handled"]
    assert not re.findall("tries|Run (all|again)|received [^<]+ ago", done)
    (event,) = set(re.findall(r"evt_\w+", done))
    alone = {"show": "all", "q": event}

    place = admin.get("/admin/inbox", **alone).text
    assert '<span class="state ">done</span>' in place
    assert re.findall("received ([^<]+)<", place) == ["just now"]
    fields = forms(place)["/admin/inbox/replay"]
    admin.client.post("/admin/inbox/replay", data=fields)

    assert "2 tries" in admin.get("/admin/inbox", **alone).text
    assert "No event has the type or the id “pi_1”" in admin.get("/admin/inbox", show="all", q="pi_1").text


#: What the inbox keeps of a failure, and what its page says.
REASONS = {
    "GatewayUnavailable: Stripe did not answer; try again.": "Our question to Stripe was not answered.",
    "GatewayRefused: No such charge": "No such charge",
    "OperationalError: database is locked": "Our database was busy or did not answer.",
    "KeyError: 'id'": "This app failed, and its log says where: KeyError: &#39;id&#39;",
    None: "It was not finished: the app ended meanwhile, or is still at work on it.",
}


def test_why_an_event_was_not_handled_is_in_words_and_whether_stripe_sends_it_again(
    shop: RunningShop,
) -> None:
    shop.buyer()
    admin = shop.operator("admin")

    for outcome, words in REASONS.items():
        write(shop, "UPDATE prepaid_inbox SET handled_at = NULL, outcome = :outcome", outcome=outcome)
        waiting = admin.get("/admin/inbox").text
        assert (
            f'<span class="reason">{words} <span class="quiet">Stripe may send this event again until'
            in waiting
        )
    write(shop, "UPDATE prepaid_inbox SET created_at = :at", at="2026-01-02 03:04:05.000000")

    assert "Stripe has stopped sending this event." in admin.get("/admin/inbox").text


def write(shop: RunningShop, statement: str, **values: object) -> None:
    with shop.app.app_context():
        db.session.execute(text(statement), values)
        db.session.commit()


def test_an_event_names_its_customer_with_the_money_that_it_is_about(shop: RunningShop) -> None:
    pat, admin = shop.buyer(), shop.operator("admin")
    pat.subscribe()
    admin.send("/admin/payments/1/refund", amount="4.00", reason="half of it")
    shop.stripe.deliver()

    rows = admin.get("/admin/inbox", show="all").text.split("<tr")

    typed = r'"type"><a [^>]+>([\w.]+)'
    named = {(word, row.partition("· $")[2][:5]) for row in rows for word in re.findall(typed, row)}
    assert {("refund.created", "4.00<"), ("invoice.paid", "15.00"), ("charge.refunded", "10.00")} <= named
    assert all(f"/admin/customers/{pat.owner}" in row for row in rows if "invoice.paid" in row)
    assert "No customer known here" in next(row for row in rows if "price.created" in row)
