"""Codes: who gets what, what is forgiven, what is refused, and what stays when it is."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from flask_prepaid import Code, CodeClaim, Operators
from flask_prepaid.codes import redeeming
from flask_prepaid.errors import CodeRefused, CodeTaken, ConfigError, TooManyGuesses, UnknownItem
from flask_prepaid.signals import code_redeemed
from prepaid_ledger.errors import KeyReused

from ..shop import Shop, ShopWith


def make(shop: Shop, code: str | None = "WELCOME", credits: int = 50, **terms: Any) -> str:
    return str(shop.read(lambda: shop.prepaid.make_code(code, credits=credits, **terms).code))


def redeem(shop: Shop, code: str, owner: str = "user:1", **terms: Any) -> int:
    """The number of the claim."""
    return int(shop.read(lambda: shop.prepaid.redeem(owner, code, **terms).id))


def test_a_code_gives_its_credits_once_to_each_and_its_lot_says_where_they_are_from(shop: Shop) -> None:
    heard: list[Any] = []
    code_redeemed.connect(lambda app, **news: heard.append(news), shop.app, weak=False)
    make(shop, "Welcome-50", reason="Spring fair", expires_after=timedelta(days=30))

    redeem(shop, "  welcome 50 ")
    redeem(shop, "WELCOME50", "user:2")
    with pytest.raises(CodeRefused, match="already"):
        redeem(shop, "Welcome-50")

    assert (shop.balance("user:1"), shop.balance("user:2")) == (50, 50)
    (lot,) = shop.read(lambda: shop.prepaid.lots("user:1"))
    (entry,) = shop.read(lambda: shop.prepaid.entries("user:1"))
    claimed_at = shop.read(lambda: shop.prepaid.session.scalars(select(CodeClaim.at)).first())
    assert lot.expires_at == claimed_at + timedelta(days=30)
    assert entry.reason == "Code Welcome-50: Spring fair"
    assert [(news["owner"], news["code"], news["credits"]) for news in heard] == [
        ("user:1", "Welcome-50", 50),
        ("user:2", "Welcome-50", 50),
    ]


def test_a_wish_that_is_sent_again_counts_once_and_another_counts_anew(shop: Shop) -> None:
    make(shop, "TWICE", per_owner=2)

    first, again = redeem(shop, "TWICE", key="form:1"), redeem(shop, "TWICE", key="form:1")
    redeem(shop, "TWICE", key="form:2")
    with pytest.raises(CodeRefused, match="already"):
        redeem(shop, "TWICE", key="form:3")

    assert first == again
    assert shop.balance() == 100


def test_a_key_that_has_redeemed_another_code_or_is_none_is_refused_and_spends_no_claim(shop: Shop) -> None:
    make(shop, "ONE", max_claims=1)
    make(shop, "OTHER", max_claims=1)
    redeem(shop, "ONE", key="form:1")

    with pytest.raises(KeyReused, match="another code"):
        redeem(shop, "OTHER", key="form:1")
    for wrong in ("", "k" * 121):
        with pytest.raises(ValueError, match="a key is a text of 1 to 120 characters"):
            redeem(shop, "OTHER", key=wrong)

    redeem(shop, "OTHER", key="form:2")
    assert shop.balance() == 100


def test_whatever_is_wrong_with_a_code_has_one_answer_and_gives_nothing(shop: Shop) -> None:
    soon = shop.now() + timedelta(days=1)
    make(shop, "SHORT", expires_at=soon)
    make(shop, "RARE", max_claims=1)
    make(shop, "STOPPED")
    redeem(shop, "RARE", "user:2")
    shop.read(lambda: shop.prepaid.switch_code("stopped", on=False))
    shop.stripe.advance(days=1, seconds=1)

    answers = set()
    for code in ("SHORT", "RARE", "STOPPED", "NEVER", "", "ß", "\x00", "A" * 70):
        with pytest.raises(CodeRefused) as refused:
            redeem(shop, code)
        answers.add(str(refused.value))

    assert answers == {redeeming.GIVES_NOTHING}
    assert shop.balance() == 0
    shop.read(lambda: shop.prepaid.switch_code("STOPPED", on=True))
    redeem(shop, "STOPPED")
    assert shop.balance() == 50


def test_who_is_blocked_or_closed_redeems_nothing_and_gets_nothing_for_a_friend(shop: Shop) -> None:
    make(shop, "WELCOME")
    make(shop, "FROM1", credits=20, referrer="user:1", referrer_credits=10)
    shop.keep_card("user:3")
    shop.read(lambda: shop.prepaid.remove_customer("user:3"))
    shop.prepaid.operators = Operators(current=lambda: None, blocked=lambda owner: owner == "user:1")

    for owner in ("user:1", "user:3"):
        with pytest.raises(CodeRefused, match="closed or blocked"):
            redeem(shop, "WELCOME", owner)
    redeem(shop, "FROM1", "user:2")

    assert [shop.balance(f"user:{number}") for number in (1, 2, 3)] == [0, 20, 0]
    page = shop.buy("user:3")
    with pytest.raises(CodeRefused, match="closed or blocked"):
        redeem(shop, "WELCOME", "user:3")
    shop.pay(page)
    redeem(shop, "WELCOME", "user:3")
    assert shop.balance("user:3") == 150


@pytest.mark.each_database
def test_a_referral_credits_both_once_for_any_two_and_never_oneself(shop: Shop) -> None:
    make(shop, "FROM1", credits=20, referrer="user:1", referrer_credits=10, expires_after=timedelta(days=9))
    make(shop, "ALSO1", credits=20, referrer="user:1", referrer_credits=10)
    make(shop, "FROM2", credits=20, referrer="user:2", referrer_credits=10)

    redeem(shop, "FROM1", "user:2")
    redeem(shop, "FROM1", "user:3")
    for owner, code, why in (
        ("user:1", "FROM1", "your own"),
        ("user:2", "FROM1", "already"),
        ("user:2", "ALSO1", "counts once"),
        ("user:1", "FROM2", "counts once"),
    ):
        with pytest.raises(CodeRefused, match=why):
            redeem(shop, code, owner)

    assert [shop.balance(f"user:{number}") for number in (1, 2, 3)] == [20, 20, 20]
    lots = shop.read(lambda: shop.prepaid.lots("user:1"))
    assert all(lot.expires_at is not None for lot in lots)
    assert [code.code for code in shop.read(lambda: shop.prepaid.codes(referrer="user:1"))] == [
        "ALSO1",
        "FROM1",
    ]


def test_a_refund_of_the_friends_first_purchase_takes_what_it_paid_for_and_no_gift(shop: Shop) -> None:
    make(shop, "FROM1", credits=20, referrer="user:1", referrer_credits=10)
    redeem(shop, "FROM1", "user:2")
    shop.pay(shop.buy("user:2"))
    (payment,) = shop.payments("user:2")

    shop.read(lambda: shop.prepaid.refund(payment.id, reason="Asked for"))
    shop.stripe.deliver()

    assert (shop.balance("user:1"), shop.balance("user:2")) == (10, 20)


def test_our_own_codes_are_read_out_without_a_doubt_and_a_name_means_one_thing(shop: Shop) -> None:
    made = {make(shop, None) for _ in range(20)}

    assert len(made) == 20
    assert all(re.fullmatch(r"[2-9A-HJKMNP-TV-Z]{4}(-[2-9A-HJKMNP-TV-Z]{4}){2}", code) for code in made)
    assert not any(set(code) & set("01OILU") for code in made)
    assert make(shop, "WELCOME") == make(shop, "welcome") == "WELCOME"
    with pytest.raises(CodeTaken, match="WELCOME"):
        make(shop, "WEL COME", credits=51)
    with pytest.raises(UnknownItem):
        shop.read(lambda: shop.prepaid.switch_code("NEVER", on=False))


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"code": "ÄÖ!"}, "code"),
        ({"code": "AB"}, "code"),
        ({"credits": 0}, "credits"),
        ({"credits": True}, "credits"),
        ({"max_claims": 0}, "max_claims"),
        ({"per_owner": -1}, "per_owner"),
        ({"expires_at": datetime(2020, 1, 1, tzinfo=UTC)}, "expires_at"),
        ({"expires_at": datetime(2999, 1, 1)}, "expires_at"),  # noqa: DTZ001 - that is what is refused
        ({"expires_after": 30}, "expires_after"),
        ({"reason": "x" * 151}, "reason"),
        ({"referrer": ""}, "referrer"),
        ({"referrer_credits": 5}, "referrer_credits"),
    ],
)
def test_a_code_that_is_made_wrong_is_refused_with_its_cure(
    shop: Shop, wrong: dict[str, Any], named: str
) -> None:
    with pytest.raises(ConfigError, match=rf"^{named} is .*\. (Write|Name) "):
        make(shop, **wrong)


def test_who_guesses_is_slowed_down_and_the_honest_are_not_locked_out(shop_with: ShopWith) -> None:
    shop = shop_with(PREPAID_CODE_GUESSES_PER_HOUR=3, PREPAID_CODE_GUESSES_PER_ADDRESS=5)
    make(shop, "WELCOME", per_owner=9)
    shop.pay(shop.buy("user:known"))

    def typed(owner: str, code: str) -> int:
        return shop.send_form(shop.browser(owner), "/prepaid/redeem", code=code).status_code

    for number in range(3):
        assert typed("user:1", f"GUESS{number}") == 422
    late = shop.send_form(shop.browser("user:1"), "/prepaid/redeem", code="WELCOME")
    assert late.status_code == 429
    assert 3_500 < int(late.headers["Retry-After"]) <= 3_601
    assert [typed("user:2", code) for code in ("GUESS3", "GUESS4", "GUESS5")] == [422, 422, 429]
    assert typed("user:3", "WELCOME") == 429
    assert [typed("user:known", code) for code in ("GUESS6", "WELCOME")] == [422, 303]
    assert shop.balance("user:1") == shop.balance("user:3") == 0

    shop.stripe.advance(hours=1, seconds=2)
    assert typed("user:1", "WELCOME") == 303
    assert typed("user:3", "WELCOME") == 303
    shop.stripe.advance(days=2)
    shop.tick()
    for number in range(3):
        with pytest.raises(CodeRefused):
            redeem(shop, f"GUESS{number}")
    with pytest.raises(TooManyGuesses) as refusal:
        redeem(shop, "GUESS3")
    assert refusal.value.details == {"retry_after": refusal.value.retry_after_s}


def test_a_code_is_redeemed_on_its_page_and_where_credits_are_bought(shop: Shop) -> None:
    assert 'name="code"' not in shop.browser().get("/prepaid/buy").text
    make(shop, "WELCOME")
    assert 'name="code"' in shop.browser().get("/prepaid/buy").text

    browser = shop.browser()
    refused = shop.send_form(browser, "/prepaid/redeem", code="<b>WELCOM</b>")
    done = shop.send_form(browser, "/prepaid/buy", to="/prepaid/redeem", code="wel come")
    page = browser.get(done.location).text

    assert (refused.status_code, done.status_code) == (422, 303)
    assert redeeming.GIVES_NOTHING in refused.text
    assert "&lt;b&gt;WELCOM&lt;/b&gt;" in refused.text
    assert "50 credits added by your code." in page
    assert "<strong>50</strong>" in page
    assert shop.browser(None).get("/prepaid/redeem").status_code == 401


def test_codes_are_listed_made_and_switched_by_command_and_the_report_says_what_they_gave(
    shop: Shop,
) -> None:
    until = f"{shop.now() + timedelta(days=9):%Y-%m-%d}"
    words = ("--credits", "20", "--max-claims", "2", "--until", until, "--lasts", "30", "--reason", "Fair")
    assert shop.command("codes", "make", "fair", *words).stdout == "fair\n"
    assert shop.command("codes", "make", "FAIR", "--credits", "21", "--reason", "x").exit_code == 1
    for odd in (("--until", "9999-12-31"), ("--until", "0001-01-01"), ("--lasts", "1000000000000")):
        refused = shop.command("codes", "make", "odd", "--credits", "21", "--reason", "x", *odd)
        assert refused.exit_code in (1, 2)
        assert "Traceback" not in refused.stderr
        assert not isinstance(refused.exception, OverflowError)
    redeem(shop, "FAIR")
    redeem(shop, "FAIR", "user:2")
    assert shop.command("codes", "off", "Fair").exit_code == 0

    listed = shop.command("codes", "list").stdout
    assert "fair" in listed
    assert "redeemed 2 of 2  gave 40" in listed
    assert '"given": 40' in shop.command("codes", "list", "--json").stdout
    assert shop.command("report", "codes", "--csv").stdout.splitlines() == [
        "code,claims,owners,credits,referrer_credits",
        "fair,2,2,40,0",
    ]
    yesterday = f"{shop.now() - timedelta(days=1):%Y-%m-%d}"
    assert "fair" not in shop.command("report", "codes", "--to", yesterday).stdout
    assert "all" in shop.command("report", "codes").stdout


def test_the_audit_finds_a_claim_without_its_grant_and_a_code_that_miscounts(shop: Shop) -> None:
    make(shop, "WELCOME")
    redeem(shop, "WELCOME")
    shop._change(Code, {"claims": 2})

    (problem,) = shop.audit()
    assert "counts 2 claims, and there are 1" in str(problem)

    shop._change(Code, {"claims": 1})
    shop._change(CodeClaim, {"credits": 51})
    (problem,) = shop.audit()
    assert "has not brought its 51 credits" in str(problem)
    shop._change(CodeClaim, {"credits": 50})
