"""The operator's pages in the shop: who gets in, what each role may do, and what stays on the record."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from urllib.parse import quote

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from rando_number.extensions import db
from rando_number.models import AuditLine

from ..bad_input import BAD_INPUT, some
from ..reading import forms
from ..running_shop import RunningShop

PAGES = [
    "/admin",
    "/admin/sales",
    "/admin/sales.csv",
    "/admin/credits",
    "/admin/credits.csv",
    "/admin/plans",
    "/admin/plans.csv",
    "/admin/payments",
    "/admin/payments.csv",
    "/admin/customers",
    "/admin/customers.csv",
    "/admin/dunning",
    "/admin/codes",
    "/admin/codes.csv",
    "/admin/inbox",
    "/admin/compare",
]


#: What each form reads that can be wrong.
READ_BY = {
    "/admin/grant": ["credits", "owner", "attempt"],
    "/admin/adjust": ["credits", "owner", "attempt"],
    "/admin/payments/1/refund": ["amount", "attempt"],
    "/admin/inbox/replay": ["event", "owner"],
    "/admin/block": ["owner", "do"],
    "/admin/note": ["owner"],
    "/admin/plan": ["owner", "do", "plan", "quantity"],
    "/admin/codes/make": ["credits"],
    "/admin/codes/switch": ["code"],
}


def test_only_operators_get_in(shop: RunningShop) -> None:
    visitor, customer, admin = shop.visitor(), shop.customer(), shop.operator("admin")

    for path in (*PAGES, "/admin/audit"):
        assert "/login" in visitor.get(path).location, path
        assert customer.get(path).status_code == 404, path
        assert admin.get(path).status_code == 200, path


@pytest.mark.parametrize("role", ["support", "finance"])
def test_every_role_reads_and_only_an_admin_reads_the_log(shop: RunningShop, role: str) -> None:
    visitor = shop.operator(role)

    assert {path: visitor.get(path).status_code for path in PAGES} == dict.fromkeys(PAGES, 200)
    assert visitor.get("/admin/audit").status_code == 403


def test_an_operator_without_a_second_factor_sets_one_up_first(shop: RunningShop) -> None:
    admin = shop.operator("admin")
    shop.app.config["ADMIN_SECOND_FACTOR"] = True

    assert admin.get("/admin").location.endswith("/tf-setup")


def test_what_stands_above_every_page_is_an_operators_and_no_customers(shop: RunningShop) -> None:
    shop.buyer()
    admin = shop.operator("admin")
    customers = admin.get("/usage").text
    assert "data-balance" in customers
    assert "4242" in customers
    (description,) = re.findall('<meta name="description" content="([^"]+)">', customers)

    for path in (*(path for path in PAGES if not path.endswith(".csv")), "/admin/audit"):
        page = admin.get(path).text
        assert "data-balance" not in page, path
        assert "4242" not in page.partition("<main")[0], path
        assert f'<meta name="description" content="{description}">' in page, path


def test_a_customer_is_found_by_mail_and_by_any_id_of_stripes(shop: RunningShop) -> None:
    pat = shop.buyer()
    admin = shop.operator("support")
    story = admin.get(f"/admin/customers/{pat.owner}").text
    customer_id = re.search(r"cus_\w+", story)
    payment = admin.get("/admin/payments/1").text
    intent_id, charge_id = (re.search(rf"{prefix}_\w+", payment) for prefix in ("pi", "ch"))
    assert customer_id
    assert intent_id
    assert charge_id

    for typed in ("pat@rando", "PAT@", pat.owner, customer_id[0], intent_id[0], charge_id[0], "1"):
        answer = admin.get("/admin/customers", q=typed)
        assert answer.location.endswith(f"/admin/customers/{pat.owner}"), typed
    for typed in ("nobody@rando", "cs_test_" + "a" * 58):  # the id of a page is longer than an owner can be
        assert "Nothing found" in admin.get("/admin/customers", q=typed).text


@pytest.mark.parametrize("owner", ["", "x" * 65, "user:1\x00"])
def test_a_name_that_no_customer_can_have_is_nobody(shop: RunningShop, owner: str) -> None:
    admin = shop.operator("admin")

    assert admin.get("/admin/plan", owner=owner).status_code == 422
    assert admin.get("/admin/customers", q=owner).status_code == 200


def test_a_grant_is_given_once_and_stays_on_the_record(shop: RunningShop) -> None:
    pat, support = shop.buyer(), shop.operator("support")
    story = f"/admin/customers/{pat.owner}"
    fields = forms(support.get(story).text)["/admin/grant"]

    for _ in range(2):
        support.client.post("/admin/grant", data={**fields, "credits": "5", "reason": "for the trouble"})

    assert pat.balance == 18
    with shop.app.app_context():
        line = db.session.scalars(select(AuditLine).where(AuditLine.action == "operated")).first()
        assert line is not None
        assert line.actor == support.owner
        assert (line.detail["did"], line.detail["reason"]) == ("grant", "for the trouble")
    assert "for the trouble" in shop.operator("admin").get("/admin/audit").text


def test_support_gives_a_few_credits_and_takes_none(shop: RunningShop) -> None:
    pat, support = shop.buyer(), shop.operator("support")
    story = f"/admin/customers/{pat.owner}"
    fields = forms(support.get(story).text)["/admin/grant"]
    form = {**fields, "credits": "101", "reason": "many"}

    assert support.client.post("/admin/grant", data=form).status_code == 403
    assert support.client.post("/admin/adjust", data=form).status_code == 403
    assert support.get("/admin/payments/1/refund").status_code == 403
    assert pat.balance == 13


def test_support_gives_so_many_credits_a_day_and_none_to_themself(any_shop: RunningShop) -> None:
    pat, support = any_shop.buyer(), any_shop.operator("support")
    story = f"/admin/customers/{pat.owner}"

    def give(owner: str, credits: int) -> str:
        fields = forms(support.get(story).text)["/admin/grant"]
        form = {**fields, "owner": owner, "credits": str(credits), "reason": "for the trouble"}
        support.client.post("/admin/grant", data=form)
        support.client.post("/admin/grant", data=form)  # pressed twice, it counts once
        return support.get(story).text

    for _ in range(10):
        give(pat.owner, 100)
    assert pat.balance == 1_013
    assert "You may give 1,000 credits a day" in give(pat.owner, 1)
    assert "Nobody gives credits to themself" in give(support.owner, 1)

    assert pat.balance == 1_013
    assert support.balance == 3


def test_finance_refunds_a_part_once_after_signing_in_lately(shop: RunningShop) -> None:
    pat, finance = shop.buyer(), shop.operator("finance")
    fields = forms(finance.get("/admin/payments/1/refund").text)["/admin/payments/1/refund"]

    for _ in range(2):
        sent = finance.client.post(
            "/admin/payments/1/refund", data={**fields, "amount": "4.00", "reason": "half of it"}
        )
        assert sent.status_code == 303, sent.text

    assert pat.balance == 13 - 4
    assert "$4.00" in finance.get("/admin/payments/1").text


def test_a_refund_asks_for_the_password_when_the_sign_in_is_old(shop: RunningShop) -> None:
    shop.buyer()
    finance = shop.operator("finance")
    assert {finance.get(page).status_code for page in ("/admin", "/close-account")} == {200}
    with finance.client.session_transaction() as session:
        session["fs_paa"] -= 11 * 60

    answer = finance.get("/admin/payments/1/refund")

    assert answer.status_code == 303
    assert "/verify?next=/admin/payments/1/refund" in answer.location


def test_a_disputed_payment_is_not_offered_for_a_refund_and_says_why(shop: RunningShop) -> None:
    pat, finance = shop.buyer(), shop.operator("finance")
    story, page = f"/admin/customers/{pat.owner}", "/admin/payments/1"
    fields = forms(finance.get(f"{page}/refund").text)[f"{page}/refund"]
    charge = re.search(r"ch_\w+", finance.get(page).text)
    assert charge
    dispute = shop.stripe.dispute(charge[0])["id"]
    shop.stripe.deliver()

    sent = finance.client.post(f"{page}/refund", data={**fields, "amount": "1.00", "reason": "twice"})

    assert sent.status_code == 409
    assert ">disputed<" in finance.get(story).text
    for path in (page, f"{page}/refund"):
        assert dispute in finance.get(path).text
    for path in (story, page, f"{page}/refund"):
        assert f"{page}/refund" not in forms(finance.get(path).text)
        assert f'href="{page}/refund"' not in finance.get(path).text
    shop.stripe.dispute(dispute=dispute, outcome="won")
    shop.stripe.deliver()
    assert f'href="{page}/refund"' in finance.get(page).text


@pytest.mark.parametrize("amount", ["", "0", "-1", "10.01", "1.001", "2,50", "0,5", "1e3", "٣", "x" * 30])
def test_a_wrong_amount_of_a_refund_is_refused(shop: RunningShop, amount: str) -> None:
    pat, finance = shop.buyer(), shop.operator("finance")
    fields = forms(finance.get("/admin/payments/1/refund").text)["/admin/payments/1/refund"]

    sent = finance.client.post(
        "/admin/payments/1/refund", data={**fields, "amount": amount, "reason": "oddly"}
    )

    assert sent.status_code in (409, 422)
    assert pat.balance == 13


def test_the_operators_home_shows_sales_credits_and_health(shop: RunningShop) -> None:
    shop.buyer()
    admin = shop.operator("admin")
    admin.send("/admin/sync", form_of="/admin")

    page = admin.get("/admin").text

    assert "$10.00" in page
    assert "came in since" not in page
    assert "Every event is handled" in admin.get("/admin/inbox").text
    assert admin.send("/admin/compare").location == "/admin/compare"
    assert "agree" in (compared := admin.get("/admin/compare").text)
    assert compared.count("Compared") == 1, "that it was compared just now is said once"


def test_the_operators_home_says_what_came_in_after_stripes_balance_was_copied(shop: RunningShop) -> None:
    admin = shop.operator("admin")
    admin.send("/admin/sync", form_of="/admin")
    shop.buyer()

    page = admin.get("/admin").text
    copied = admin.send("/admin/sync", form_of="/admin").text

    assert "copied just now, $10.00 came in since" in page
    tiles = re.findall(r'<article class="tile">.*?</article>', page, re.S)
    assert len(tiles) == 3
    assert all("$10.00" in tile and "Not yet copied from Stripe" in tile for tile in tiles)
    assert "Nothing was sold" not in page
    assert "came in since" not in copied


def test_the_operators_home_says_since_when_stripe_does_not_answer(shop: RunningShop) -> None:
    admin = shop.operator("admin")
    shop.stripe.chaos(api_500=1.0)
    admin.send("/admin/sync", form_of="/admin")
    away = admin.get("/admin").text

    shop.stripe.chaos()
    admin.send("/admin/sync", form_of="/admin")

    assert "Stripe has not answered since <time" in away
    assert "Stripe has not answered" not in admin.get("/admin").text


def test_while_stripe_is_away_a_comparison_says_so_where_it_is_begun(shop: RunningShop) -> None:
    admin = shop.operator("admin")
    shop.stripe.chaos(api_500=1.0)

    admin.send("/admin/compare")
    page = admin.get("/admin/compare").text
    admin.send("/admin/compare", fix="1")
    mended = admin.get("/admin/compare").text

    assert "Stripe does not answer right now, so nothing was compared. Try again in a minute." in page
    assert 'class="operator-tabs"' in page
    assert ">Compare now</button>" in page
    assert "Nobody has compared them yet." in page
    assert "so not all was compared and mended." in mended
    assert "Mended what can be mended" not in mended


def test_nothing_that_an_operator_sends_breaks_a_page_or_changes_anything(shop: RunningShop) -> None:
    pat, admin = shop.buyer(), shop.operator("admin")
    (event, *_) = re.findall(r"evt_\w+", admin.get("/admin/inbox", show="all").text)
    forms_there = {
        "/admin/grant": f"/admin/customers/{pat.owner}",
        "/admin/adjust": f"/admin/customers/{pat.owner}",
        "/admin/payments/1/refund": "/admin/payments/1/refund",
        "/admin/inbox/replay": f"/admin/inbox?show=all&q={event}",
        "/admin/block": f"/admin/customers/{pat.owner}",
        "/admin/note": f"/admin/customers/{pat.owner}",
        "/admin/plan": f"/admin/plan?owner={pat.owner}",
        "/admin/codes/make": "/admin/codes",
        "/admin/codes/switch": "/admin/codes",
    }
    admin.send("/admin/codes/make", form_of="/admin/codes", code="FAIR", credits="5", reason="a fair")
    pat.subscribe()
    hidden = {action: forms(admin.client.get(path).text)[action] for action, path in forms_there.items()}
    good = {"credits": "1", "amount": "1.00", "reason": "because"}
    reads = [*PAGES, "/admin/audit", "/admin/plan", f"/admin/customers/{pat.owner}"]
    queries = [
        "owner",
        "plan",
        "quantity",
        "state",
        "from",
        "to",
        "by",
        "currency",
        "part",
        "q",
        "cursor",
        "before",
        "action",
        "show",
        "sort",
        "page",
    ]

    with shop.nothing_changes():
        for path in (*reads, "/admin/payments/" + "9" * 30):
            for bad in some(BAD_INPUT, path, count=3):
                answer = admin.client.get(path, query_string=dict.fromkeys(queries, bad), buffered=True)
                assert answer.status_code < 500, (path, bad)
        for bad in BAD_INPUT:
            assert admin.get(f"/admin/customers/{quote(bad, safe='')}").status_code < 500, bad
        for action, fields in hidden.items():
            for name in READ_BY[action]:
                for bad in some(BAD_INPUT, action + name, count=3):
                    answer = admin.client.post(action, data={**good, **fields, name: bad})
                    assert answer.status_code < 500, (action, name, bad)


@pytest.mark.parametrize("word", ["", "TAKE", "take\x00", "off "])
def test_a_form_that_says_neither_of_two_things_does_neither(shop: RunningShop, word: str) -> None:
    pat, admin = shop.buyer(), shop.operator("admin")
    story = f"/admin/customers/{pat.owner}"
    admin.send("/admin/codes/make", form_of="/admin/codes", code="FAIR", credits="5", reason="a fair")

    with shop.nothing_changes():
        admin.send("/admin/adjust", form_of=story, direction=word, credits="5", reason="a mistake")
        words = [unescape(admin.get(story).text)]
        admin.send("/admin/block", form_of=story, do=word, reason="a mistake")
        words.append(unescape(admin.get(story).text))
        admin.send("/admin/codes/switch", form_of="/admin/codes", do=word)
        words.append(unescape(admin.get("/admin/codes").text))

    assert "Choose whether to add credits or to take them." in words[0]
    assert "Say whether to block or to unblock." in words[1]
    assert "Say whether to switch the code on or off." in words[2]
    assert pat.balance == 13
    assert pat.get("/user-profile").status_code == 200
    assert pat.send("/redeem", code="FAIR").status_code == 303


def test_finance_makes_a_code_that_customers_redeem_until_it_is_switched_off(shop: RunningShop) -> None:
    pat, finance, support = shop.customer(), shop.operator("finance"), shop.operator("support")

    def make(**fields: str) -> TestResponse:
        form = {"code": "Fair", "credits": "20", "max_claims": "2", "reason": "=Spring fair", **fields}
        return finance.send("/admin/codes/make", form_of="/admin/codes", **form)

    for name, wrong in (
        ("credits", "0"),
        ("max_claims", "-1"),
        ("until", "soon"),
        ("code", "?"),
        ("reason", ""),
    ):
        assert make(**{name: wrong}).status_code == 422, name
    assert make(until="2999-01-31", expires_after_days="30").status_code == 303
    assert make(credits="21").status_code == 409
    make(
        until="2999-01-31", expires_after_days="30", reason="another"
    )  # the same again makes nothing, and says so
    assert (
        "There is a code Fair already: it is active. Nothing was changed." in finance.get("/admin/codes").text
    )
    assert "/admin/codes/make" not in forms(support.get("/admin/codes").text)
    assert pat.send("/redeem", code=" f a i r ").status_code == 303
    assert pat.balance == 23
    kim = shop.customer("kim@rando.test")
    finance.send("/admin/codes/switch", form_of="/admin/codes", do="off")

    assert kim.send("/redeem", code="FAIR").status_code == 422
    page = unescape(finance.get("/admin/codes").text)
    assert "=Spring fair" in page
    assert "Switch on" in page
    file = finance.get("/admin/codes.csv").text
    assert file.splitlines() == ["code,claims,owners,credits,referrer_credits", "Fair,1,1,20,0"]
    with shop.app.app_context():
        did = db.session.scalars(select(AuditLine).where(AuditLine.action == "operated")).all()
        handled = [("codes", "Fair"), ("codes", "Fair"), ("download", None)]
        assert [(line.detail["did"], line.detail.get("code")) for line in did] == handled


def test_without_its_hidden_token_a_form_moves_nothing(shop: RunningShop) -> None:
    pat, admin = shop.buyer(), shop.operator("admin")
    fields = {"owner": pat.owner, "credits": "5", "reason": "why", "attempt": "a" * 20}

    assert admin.client.post("/admin/grant", data=fields).status_code == 400
    assert pat.balance == 13


def test_a_closed_period_is_compared_with_the_one_before_it(shop: RunningShop) -> None:
    shop.buyer()
    admin = shop.operator("finance")
    admin.send("/admin/sync", form_of="/admin")
    today = shop.stripe.now()
    shop.stripe.advance(days=1)
    shop.stripe.pay(shop.customer("kim@rando.test").buy(pack="regular"))
    admin.send("/admin/sync", form_of="/admin")
    day = datetime.fromtimestamp(today, UTC).date() + timedelta(days=1)

    page = admin.get("/admin/sales", **{"from": f"{day}", "to": f"{day}"}).text

    assert "$54.00" in page
    assert '<span class="text-nowrap">$10.00</span> before' in page
    assert "+440 %" not in page, "one payment on either side makes no share"


def test_a_day_that_is_not_over_is_compared_with_no_whole_one(shop: RunningShop) -> None:
    shop.buyer()
    admin = shop.operator("finance")
    shop.stripe.advance(days=1)
    admin.send("/admin/sync", form_of="/admin")

    tiles = re.findall(r'<article class="tile">.*?</article>', admin.get("/admin").text, re.S)

    assert ["$0.00" in tiles[0], *("days before" in tile for tile in tiles)] == [True, False, True, True]


def test_the_last_comparison_stays_on_the_page(shop: RunningShop) -> None:
    shop.buyer()
    finance, support = shop.operator("finance"), shop.operator("support")
    assert "Nobody has compared" in support.get("/admin/compare").text

    finance.send("/admin/compare")

    assert "agree" in support.get("/admin/compare").text
    assert "Books and Stripe</a></dt><dd>agree<" in support.get("/admin").text


def test_the_file_of_payments_has_all_of_them_however_many_are_read_at_once(
    shop: RunningShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    pat = shop.buyer()
    for _ in range(4):
        pat.send("/buy-credits", form_of="/buy-credits", pack="starter")
    monkeypatch.setattr("flask_prepaid.web.operator.payments.payment_list.READ_AT_ONCE", 2)

    lines = list(csv.DictReader(io.StringIO(shop.operator("finance").client.get("/admin/payments.csv").text)))

    numbers = [int(line["id"]) for line in lines]
    assert len(numbers) >= 4
    assert numbers == sorted(set(numbers), reverse=True)


def test_every_csv_of_a_page_opens_in_a_spreadsheet(shop: RunningShop) -> None:
    pat = shop.buyer()
    pat.subscribe()
    finance = shop.operator("finance")
    finance.send("/admin/sync", form_of="/admin")
    files = 0

    for path in ("/admin/sales", "/admin/credits", "/admin/plans", "/admin/payments"):
        for href in re.findall(r'<a download href="([^"]+)"', finance.get(path).text):
            answer = finance.client.get(unescape(href))
            head, *rows = list(csv.reader(io.StringIO(answer.text)))
            assert answer.mimetype == "text/csv"
            assert {len(row) for row in rows} == {len(head)}, href
            files += 1
    assert files == 7


def test_too_much_to_refund_is_said_in_money_at_the_field(shop: RunningShop) -> None:
    shop.buyer()
    finance = shop.operator("finance")
    fields = forms(finance.get("/admin/payments/1/refund").text)["/admin/payments/1/refund"]

    sent = finance.client.post("/admin/payments/1/refund", data={**fields, "amount": "99", "reason": "oddly"})

    assert sent.status_code == 422
    assert 'id="amount-error" role="alert">At most $10.00 can be refunded.' in sent.text
