"""The operator's pages of payments: the list with its filter and file, one payment, and its disputes."""

from __future__ import annotations

import csv
import io
import re

import pytest
from sqlalchemy import select, update

from flask_prepaid.payments.models import Payment, PaymentState, Review
from rando_number.extensions import db
from rando_number.models import AuditLine

from ..reading import forms
from ..running_shop import RunningShop, Visitor


def states_on(page: str) -> list[str]:
    """The states that stand on an operator's page, the first first."""
    return re.findall(r'<span class="state [a-z]*">([^<]+)<', page)


def test_the_reason_of_a_refund_stands_on_the_page_of_its_payment(shop: RunningShop) -> None:
    shop.buyer()
    finance = shop.operator("finance")

    finance.send("/admin/payments/1/refund", amount="4.00", reason="half of it")

    assert re.search(r'<td class="words[^"]*">[^<]*half of it', finance.get("/admin/payments/1").text)


def test_a_refund_that_is_only_asked_for_has_no_id_and_keeps_off_a_second_one(shop: RunningShop) -> None:
    shop.buyer()
    finance = shop.operator("finance")
    shop.stripe.chaos(lost_reply=1.0)
    finance.send("/admin/payments/1/refund", amount="4.00", reason="half of it")
    shop.stripe.chaos()

    page, form = finance.get("/admin/payments/1").text, finance.get("/admin/payments/1/refund").text

    assert "Do not send it again" in page
    assert "Refund up to" not in page
    assert re.findall(r'<td class="below whole[^"]*">([^<]*)</td>', page) == ["\N{EN DASH}"]
    assert "A refund of $4.00 is under way, and Stripe has not answered yet." in form
    assert "can be refunded to the card" not in form
    assert "Send the money back" not in form


@pytest.mark.parametrize(
    ("amounts", "word", "words"),
    [
        ((), "paid", "Paid"),
        (("4.00",), "partly refunded", "Partly refunded: $4.00"),
        (("4.00", "6.00"), "refunded", "Refunded"),
    ],
)
def test_a_payment_says_wherever_it_stands_how_much_of_it_was_refunded(
    shop: RunningShop, amounts: tuple[str, ...], word: str, words: str
) -> None:
    pat, finance = shop.buyer(), shop.operator("finance")
    for amount in amounts:
        finance.send("/admin/payments/1/refund", amount=amount, reason="asked for")

    for path in ("/admin/payments/1", "/admin/payments", f"/admin/customers/{pat.owner}"):
        assert states_on(finance.get(path).text)[0] == word, path
    for path in ("/billing", "/user-profile"):
        assert re.search(f'<span class="badge [^>]*>{re.escape(words)}</span>', pat.get(path).text), path


@pytest.mark.parametrize(("outcome", "word", "returns"), [("won", "paid", 0), ("lost", "dispute lost", 2)])
def test_a_payment_says_wherever_it_stands_what_came_of_its_dispute(
    shop: RunningShop, outcome: str, word: str, returns: int
) -> None:
    pat, finance = shop.buyer(), shop.operator("finance")
    charge = re.search(r"ch_\w+", finance.get("/admin/payments/1").text)
    assert charge
    seen: list[str] = []

    def look() -> None:
        pages = "/admin/payments/1", "/admin/payments", f"/admin/customers/{pat.owner}"
        seen.extend(states_on(finance.get(path).text)[0] for path in pages)
        for path in ("/billing", "/user-profile"):
            seen.extend(re.findall("(?:Disputed at|Given back by) your bank(?=<)", pat.get(path).text))

    dispute = shop.stripe.dispute(charge[0])["id"]
    shop.stripe.deliver()
    look()
    shop.stripe.dispute(dispute=dispute, outcome=outcome)
    shop.stripe.deliver()
    look()

    assert seen == [
        *["disputed"] * 3,
        *["Disputed at your bank"] * 2,
        *[word] * 3,
        *["Given back by your bank"] * returns,
    ]


def test_a_dispute_whose_last_day_has_passed_waits_for_no_evidence(shop: RunningShop) -> None:
    """Stripe's word of what came of it is late: nobody is told to send what is taken no more."""
    pat, finance = shop.customer(), shop.operator("finance")
    shop.stripe.pay(pat.buy(pack="starter"), card="4000000000000259")
    assert "Send your evidence in Stripe" in finance.get("/admin/payments/1").text
    assert "1 dispute waits for evidence</a>" in finance.get("/admin").text
    shop.stripe.chaos(drop=1.0)

    shop.stripe.advance(months=2)

    assert "for evidence" not in finance.get("/admin").text
    assert "for evidence" not in shop.command("prepaid", "doctor").output
    dispute = re.search(r"d[up]_\w+", finance.get("/admin/payments/1").text)
    assert dispute is not None
    of_event = {"show": "all", "q": dispute[0]}
    for path, query in (
        ("/admin/payments/1", {}),
        (f"/admin/customers/{pat.owner}", {}),
        ("/admin/inbox", of_event),
    ):
        page = re.sub("<[^>]+>", "", finance.get(path, **query).text)
        assert "last day for evidence was" in page, path
        assert "Stripe decides" in page, path
        assert "evidence due" not in page, path
        assert "Send your evidence" not in page, path
        assert "needs response" not in page, path


def test_a_payments_page_says_what_was_kept_of_it_and_leaves_out_what_says_nothing(
    shop: RunningShop,
) -> None:
    shop.buyer()
    finance = shop.operator("finance")
    place = "/admin/payments/1"

    def sums() -> list[tuple[str, str]]:
        return re.findall(r"<dt>([^<]+)</dt><dd>(-?\$[\d.]+)</dd>", finance.get(place).text)

    assert sums() == [("Paid", "$10.00")], "the price is the same, and no fee is known before the copy"
    assert "not yet copied from Stripe" in finance.get(place).text
    finance.send("/admin/sync", form_of="/admin")
    assert sums() == [("Paid", "$10.00"), ("Fee", "-$0.59"), ("Net kept", "$9.41")]

    finance.send(f"{place}/refund", amount="4.00", reason="half of it")
    after = [("Paid", "$10.00"), ("Refunded", "-$4.00"), ("Fee", "-$0.59"), ("Net kept", "$5.41")]
    assert sums() == after, "the refund is not copied yet: what is known stays"
    assert "as Stripe's balance was copied just now" in finance.get(place).text
    finance.send("/admin/sync", form_of="/admin")

    assert sums() == after
    page = finance.get(place).text
    assert "as Stripe's balance was copied" not in page
    assert "<h1>$10.00 · Payment 1 " in page
    assert ">Refund up to $6.00</a>" in page


def test_what_is_lost_and_what_a_bank_still_holds_stand_apart(shop: RunningShop) -> None:
    pat, finance = shop.customer(), shop.operator("finance")
    shop.stripe.pay(pat.buy(pack="starter"), card="4000000404000079")  # two disputes, of a half each
    place = "/admin/payments/1"

    def sums() -> list[tuple[str, str]]:
        return re.findall(
            r"<dt>(Lost to the dispute|Held by the bank)</dt><dd>(-\$[\d.]+)</dd>", finance.get(place).text
        )

    assert sums() == [("Held by the bank", "-$10.00")]
    dispute = re.findall(r"d[up]_\w+", finance.get(place).text)[0]
    shop.stripe.dispute(dispute=dispute, outcome="lost")
    shop.stripe.deliver()

    assert sums() == [("Lost to the dispute", "-$5.00"), ("Held by the bank", "-$5.00")]
    assert rows_of_file(finance)[0]["taken_by_bank_minor"] == "1000"


def test_a_payments_page_and_its_refund_say_how_many_of_its_credits_are_left(shop: RunningShop) -> None:
    pat, finance = shop.buyer(), shop.operator("finance")
    for credits, left in ((0, 10), (4, 9), (9, 0)):  # those of the greeting go first
        if credits:
            with shop.app.app_context():
                shop.prepaid.spend(pat.owner, credits=credits, key=f"number:{credits}")
                shop.prepaid.session.commit()

        page = re.sub("<[^>]+>", "", finance.get("/admin/payments/1").text)
        assert f"Credits{left or 'none'} of 10 left" in page


def test_the_refund_form_counts_the_credits_that_go_with_the_amount(shop: RunningShop) -> None:
    pat, finance = shop.buyer(), shop.operator("finance")
    with shop.app.app_context():
        shop.prepaid.spend(pat.owner, credits=10, key="number:1")
        shop.prepaid.session.commit()

    first = words(finance.get("/admin/payments/1/refund").text)
    part = words(finance.send("/admin/payments/1/refund", amount="2.50", count="1").text)
    too_much = finance.send("/admin/payments/1/refund", amount="99", count="1")

    assert "$10.00 takes back 10 credits: 3 from the balance, and 7 that are spent become a debt" in first
    assert "$2.50 takes back 3 credits." in part
    assert too_much.status_code == 422
    assert "At most $10.00 can be refunded." in too_much.text
    assert pat.balance == 3, "nothing is refunded, and nothing taken"
    finance.send("/admin/payments/1/refund", amount="2.50", reason="a quarter")
    assert "$7.50 takes back 7 credits: none from the balance" in words(
        finance.get("/admin/payments/1/refund").text
    )


def words(page: str) -> str:
    """What a page says, without its tags."""
    return " ".join(re.sub("<[^>]+>", "", page).split())


def test_the_list_and_the_file_of_payments_go_by_the_state_that_is_shown(shop: RunningShop) -> None:
    """Seven payments, one in each state that a payment of a card can have."""
    pat, finance = shop.customer(), shop.operator("finance")
    shop.stripe.pay(pat.buy(pack="starter"))
    for _ in range(2):  # refunded in part, and as a whole
        shop.stripe.pay(pat.buy(pack="starter"))
    finance.send("/admin/payments/2/refund", amount="4.00", reason="half of it")
    finance.send("/admin/payments/3/refund", amount="10.00", reason="all of it")
    for outcome in (None, "lost", "won"):
        shop.stripe.pay(pat.buy(pack="starter"), card="4000000000000259")  # its owner disputes it
        if outcome:
            dispute = re.findall(r"d[up]_\w+", finance.get(f"/admin/payments/{newest(finance)}").text)[0]
            shop.stripe.dispute(dispute=dispute, outcome=outcome)
            shop.stripe.deliver()
    pat.buy(pack="starter")

    shown = {
        "paid": ["6", "1"],
        "partly_refunded": ["2"],
        "refunded": ["3"],
        "disputed": ["4"],
        "dispute_lost": ["5"],
        "open": ["7"],
        "failed": [],
    }
    for state, numbers in shown.items():
        page = finance.get("/admin/payments", state=state).text
        assert re.findall(r'data-label="No\."><a [^>]+>(\d+)<', page) == numbers, state
        assert set(states_on(page)) <= {state.replace("_", " ")}
        lines = rows_of_file(finance, state=state)
        assert [(line["id"], line["state"]) for line in lines] == [(number, state) for number in numbers]
    assert len(rows_of_file(finance)) == len(rows_of_file(finance, state="no state")) == 7


def test_a_refund_that_is_not_final_is_not_called_refunded_anywhere(shop: RunningShop) -> None:
    pat, finance = shop.customer(), shop.operator("finance")
    shop.stripe.pay(pat.buy(pack="starter"), card="4000000000007726")  # its refund takes some days
    finance.send("/admin/payments/1/refund", amount="4.00", reason="asked for")

    def seen() -> list[str]:
        page, line = finance.get("/admin/payments/1").text, rows_of_file(finance)[0]
        sums = re.findall(r"<dt>(Refund[^<]*)</dt><dd>(-?\$[\d.]+)</dd>", page)
        lists = [finance.get(path).text for path in ("/admin/payments", f"/admin/customers/{pat.owner}")]
        refunded = [re.findall(r'class="quiet refunded">([^<]+)<', page)[0] for page in lists]
        assert refunded[0] == refunded[1]
        columns = ("refunded_minor", "refund_under_way_minor", "refund_failed_minor")
        return [*(" ".join(sum) for sum in sums), refunded[0], " ".join(line[name] for name in columns)]

    assert states_on(finance.get("/admin/payments/1").text)[0] == "refund under way"
    assert seen() == ["Refund under way -$4.00", "refund under way $4.00", "0 400 0"]
    form = finance.get("/admin/payments/1/refund").text
    assert "$6.00 of $10.00 can be refunded to the card now, and $4.00 is under way." in form
    shop.stripe.advance(days=10)
    shop.stripe.deliver()

    assert states_on(finance.get("/admin/payments/1").text)[0] == "partly refunded"
    assert seen() == ["Refunded -$4.00", "refunded $4.00", "400 0 0"]


def test_a_payment_that_was_reviewed_leaves_the_overview_and_keeps_what_was_done(
    any_shop: RunningShop,
) -> None:
    shop = any_shop
    pat, finance, support = shop.customer(), shop.operator("finance"), shop.operator("support")
    pat.buy(pack="starter")
    with shop.app.app_context():
        shop.prepaid.session.execute(update(Payment).values(state=PaymentState.NEEDS_REVIEW))
        wrong = Review(payment_id=1, stripe_id="pi_1", reason="$4.00 arrived", is_foreign=False)
        wrong.called_at = wrong.fetched_at = shop.prepaid.clock()
        shop.prepaid.session.add(wrong)
        shop.prepaid.session.commit()
    place = "/admin/payments/1"
    assert "1 payment whose end is not known or not as agreed" in finance.get("/admin").text
    assert "Mark as reviewed" not in support.get(place).text
    token = forms(finance.get(place).text)[f"{place}/review"]

    for reason in ("", "x" * 500):
        refused = finance.client.post(f"{place}/review", data={**token, "reason": reason})
        assert "Write why" in finance.get(refused.location).text
    for _ in range(2):
        sent = finance.client.post(f"{place}/review", data={**token, "reason": "credits by hand"})
        assert "Payment 1 is reviewed." in finance.get(sent.location).text

    page = finance.get(place).text
    assert "Reviewed on" in page
    assert "credits by hand (by finance@rando.test)" in page
    assert states_on(page)[0] == "reviewed"
    assert "whose end is not known" not in finance.get("/admin").text
    with shop.app.app_context():
        lines = db.session.scalars(select(AuditLine).where(AuditLine.action == "operated")).all()
        assert [(line.detail["did"], line.detail["payment"]) for line in lines] == [("review", 1)]


def newest(operator: Visitor) -> str:
    """The number of the latest payment."""
    return rows_of_file(operator)[0]["id"]


def rows_of_file(operator: Visitor, **query: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(operator.get("/admin/payments.csv", **query).text)))


def test_a_dispute_says_why_and_until_when_evidence_is_due_wherever_an_operator_meets_it(
    shop: RunningShop,
) -> None:
    pat, admin = shop.customer(), shop.operator("admin")
    assert "Nothing needs your attention" not in admin.get("/admin").text, "no job runs here"
    shop.stripe.pay(pat.buy(pack="starter"), card="4000000000000259")  # its owner disputes it
    (dispute,) = set(re.findall(r"d[up]_\w+", admin.get("/admin/payments/1").text))
    (due,) = set(re.findall(r"evidence due (<time .+?</time>)", admin.get("/admin/payments/1").text))

    asks = f"{dispute}</a>: fraudulent. Send your evidence in Stripe's dashboard by {due}"
    for path in ("/admin/payments/1", f"/admin/customers/{pat.owner}", "/admin/payments/1/refund"):
        page = admin.get(path).text
        held = rf'has taken \$10\.00 back by dispute <a class="id" [^>]+>{re.escape(asks)}'
        assert re.search(held, page), path
    assert f"fraudulent: evidence due {due}" in admin.get("/admin/inbox", show="all", q=dispute).text
    home = admin.get("/admin").text
    assert f"1 dispute waits for evidence</a>, due {due}" in home
    assert re.search(r'<td class="words">fraudulent</td>', home)

    shop.stripe.dispute(dispute=dispute, outcome="lost")
    shop.stripe.deliver()

    assert "evidence" not in admin.get("/admin").text
    story = admin.get(f"/admin/customers/{pat.owner}").text
    assert "evidence" not in story
    assert "fraudulent" in story, "the reason stays with the dispute"
    assert f"{dispute}</a>: fraudulent. It is lost." in admin.get("/admin/payments/1").text


def test_the_overview_counts_more_payments_than_it_lists(
    shop: RunningShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    pat, finance = shop.customer(), shop.operator("finance")
    for _ in range(2):
        shop.stripe.pay(pat.buy(pack="starter"), card="4000000000005423")  # its bank suspects it
    for _ in range(2):
        pat.buy(pack="starter")
    with shop.app.app_context():
        waits = update(Payment).where(Payment.state == PaymentState.OPEN)
        shop.prepaid.session.execute(waits.values(state=PaymentState.NEEDS_REVIEW))
        shop.prepaid.session.commit()
    monkeypatch.setattr("flask_prepaid.web.operator.home.SHOWN", 1)

    home = finance.get("/admin").text

    assert "2 payments suspected by the card's bank" in home
    assert "2 payments whose end is not known or not as agreed" in home


def test_an_inquiry_takes_nothing_and_says_until_when_it_is_answered(shop: RunningShop) -> None:
    pat, admin = shop.customer(), shop.operator("admin")
    shop.stripe.pay(pat.buy(pack="starter"), card="4000000000001976")

    page = admin.get("/admin/payments/1").text

    assert states_on(page)[0] == "paid"
    assert re.search(
        r"asks about \$10\.00 by dispute <[^>]+>d[up]_\w+</a>: fraudulent\. "
        r"Send your evidence in Stripe's dashboard by <time .+?</time>\.",
        page,
    )
    assert "Refund up to $10.00" in page
