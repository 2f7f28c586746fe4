"""What a customer is told by mail, each thing once, in words that the host can replace."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from jinja2 import ChoiceLoader, DictLoader, StrictUndefined
from markupsafe import escape

from flask_prepaid import Operator, Operators, Prepaid, Role
from flask_prepaid.errors import ConfigError
from flask_prepaid.purchases.auto_topup import topups
from flask_prepaid.testing import Databases
from flask_prepaid.web.mailing import mails
from flask_prepaid.web.mailing.mail_content import WrittenMail
from flask_prepaid.web.mailing.mail_samples import MailSample, samples

from ..shop import Shop

TEMPLATES = Path(mails.__file__).parents[2] / "templates/prepaid/mail"
ASKS_ALWAYS, DECLINES_LATER = "4000002760003184", "4000000000000341"


class Writing(Shop):
    """A shop that writes mails; they land in ``mails`` as address, subject, text."""

    def __init__(self, databases: Databases, **settings: Any) -> None:
        self.mails: list[tuple[str, str, str]] = []
        super().__init__(
            databases.fresh("sqlite"),
            PREPAID_BASE_URL="https://shop.example",
            email=lambda owner: f"{owner.replace(':', '')}@shop.example" if owner != "user:9" else None,
            mail=self.send,
            **settings,
        )

    def send(self, address: str, subject: str, text: str, *, html: str) -> None:
        self.mails.append((address, subject, text))
        self.html = html

    @property
    def subjects(self) -> list[str]:
        return [subject for _, subject, _ in self.mails]


@pytest.fixture
def writing(databases: Databases) -> Iterator[Writing]:
    shop = Writing(databases, PREPAID_BALANCE_LOW=10)
    yield shop
    shop.close()


def top_up(shop: Shop, card: str = "4242424242424242") -> None:
    shop.keep_card(number=card)
    shop.read(
        lambda: topups.switch_on(shop.prepaid, "user:1", pack="starter", threshold=50, ceiling_minor=5_000)
    )
    shop.tick()


def test_a_top_up_is_told_once_with_its_price(writing: Writing) -> None:
    top_up(writing)
    writing.tick()

    ((address, subject, text),) = writing.mails
    assert (address, subject) == ("user1@shop.example", "100 credits were added")
    assert "$5.00" in text
    assert "https://shop.example/prepaid/cards" in text


def test_a_declined_top_up_is_told_and_so_is_its_end(writing: Writing) -> None:
    top_up(writing, DECLINES_LATER)
    for hours in (2, 25, 25):
        writing.stripe.advance(hours=hours)
        writing.tick()

    failed = "Your auto top-up did not go through"
    assert writing.subjects == [failed, failed, failed, "Your auto top-up has stopped"]
    assert "because the card was declined" in writing.mails[-1][2]


def test_a_bank_that_wants_its_customer_is_told_with_the_way_there(writing: Writing) -> None:
    top_up(writing, ASKS_ALWAYS)

    ((_, subject, text),) = writing.mails
    assert subject == "Your bank wants you to confirm a payment"
    assert "https://shop.example/prepaid/return?payment=1" in text


def test_low_credits_are_told_once_for_each_time_that_they_run_low(writing: Writing) -> None:
    def spend(credits: int, key: str) -> None:
        writing.read(lambda: writing.prepaid.spend_now("user:1", credits=credits, key=key))
        writing.tick()
        writing.tick()

    writing.pay(writing.buy())
    writing.mails.clear()  # its receipt
    spend(90, "work:1")
    assert writing.subjects == []
    spend(1, "work:2")
    spend(1, "work:3")
    assert writing.subjects == ["You have 9 credits left"]
    writing.pay(writing.buy())
    writing.tick()
    writing.mails.clear()
    spend(100, "work:4")

    assert writing.subjects == ["You have 8 credits left"]


def test_a_card_that_expires_soon_is_told_once(writing: Writing) -> None:
    card = writing.keep_card()
    client = writing.dashboard()
    soon = writing.now()
    client.v1.payment_methods.update(card, {"card": {"exp_month": soon.month, "exp_year": soon.year}})
    writing.stripe.deliver()

    writing.tick()
    writing.tick()

    assert writing.subjects == ["Your Visa ending in 4242 expires soon"]


def test_who_has_no_address_gets_no_mail(writing: Writing) -> None:
    writing.pay(writing.buy(owner="user:9"))
    writing.read(lambda: writing.prepaid.spend_now("user:9", credits=99, key="work:1"))

    writing.tick()

    assert writing.mails == []


def test_a_host_replaces_a_mail_by_its_own(writing: Writing) -> None:
    own = DictLoader({"prepaid/mail/topup_done.txt": "Thanks\nFor {{ payment.credits }}."})
    loader = writing.app.jinja_env.loader
    assert loader is not None
    writing.app.jinja_env.loader = ChoiceLoader([own, loader])

    top_up(writing)

    ((address, subject, text),) = writing.mails
    assert (address, subject) == ("user1@shop.example", "Thanks")
    assert text.startswith("For 100.\n\n-- \n")
    assert ">For 100.<" in writing.html


def test_every_mail_is_plain_text_and_the_same_as_html_with_one_thing_to_do(writing: Writing) -> None:
    writing.app.jinja_env.undefined = StrictUndefined  # a new mail's words are added to mail_samples

    def worded(sample: MailSample) -> WrittenMail:
        values = dict(sample.values)
        return mails.worded(writing.prepaid, writing.app, sample.mail, values, "Europe/Berlin")

    for name, sample in samples().items():
        mail = writing.read(lambda: worded(sample))  # noqa: B023
        assert re.findall(r"</?\w+|&\w+;|\n\n\n", mail.subject + mail.text) == [], name
        assert not mail.text.startswith("\n"), name
        assert 10 < len(mail.subject) < 60, name
        assert mail.html.count('class="button"') == 1, name
        assert len(mail.html.encode()) < 20_000, name
        assert "(UTC)" not in mail.text, name
        for line in filter(None, mail.text.partition("\n\n-- ")[0].splitlines()):
            words, _, rest = line.partition(": ")
            assert str(escape(words)) in re.sub("<a [^>]*>|</a>", "", mail.html), name
            assert str(escape(rest)) in mail.html, name


def test_every_mail_has_a_sample() -> None:
    assert {sample.mail for sample in samples().values()} == {path.stem for path in TEMPLATES.glob("*.txt")}


def test_a_mail_that_cannot_be_sent_stops_nothing_and_is_sent_later(writing: Writing) -> None:
    kept, writing.mails = writing.mails, None  # type: ignore[assignment]

    top_up(writing)

    assert writing.balance() == 100
    writing.mails = kept
    writing.stripe.advance(minutes=1)
    writing.tick()
    assert writing.subjects == ["100 credits were added"]
    log = writing.read(lambda: writing.prepaid.mails("user:1"))
    assert [(mail.name, mail.error) for mail in log] == [("topup_done", ""), ("topup_done", "AttributeError")]
    assert {(mail.address, mail.subject) for mail in log} == {
        ("user1@shop.example", "100 credits were added")
    }
    assert len({mail.message_uid for mail in log}) == 1


def test_an_operator_finds_which_mails_a_customer_was_sent(databases: Databases) -> None:
    shop = Writing(databases, operators=Operators(current=lambda: Operator("boss", Role.ADMIN)))
    top_up(shop)
    own = {"address": "pat@shop.example", "name": "welcome", "subject": "100 % welcome"}
    shop.read(lambda: shop.prepaid.note_mail("user:1", **own, error=OSError("https://secret.link/reset")))
    page = "/prepaid/admin/customers/user:1"
    everything = shop.browser().get(page).text
    assert "100 credits were added" in everything
    assert "Our mail server did not answer." in everything
    assert "secret.link" not in everything
    matching = shop.browser().get(page, query_string={"mail": "0 % WEL"}).text
    assert "100 % welcome" in matching
    assert "100 credits were added" not in matching
    shop.close()


def test_stripe_knows_the_customers_address(writing: Writing) -> None:
    writing.keep_card()

    client = writing.dashboard()
    assert [customer.email for customer in client.v1.customers.list().data] == ["user1@shop.example"]


def test_mails_need_addresses_and_the_apps_own_address(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="email="):
        Prepaid(mail=print)
    app = Flask("shop", instance_path=str(tmp_path))
    app.testing = True
    shop = Prepaid(mail=print, email=str)

    with pytest.raises(ConfigError, match="PREPAID_BASE_URL"):
        shop.init_app(app, Anything())


class Anything:
    """A database that is never asked."""

    session: Any = None
    engine: Any = None


def test_every_signal_that_is_written_has_its_template() -> None:
    assert set(mails.MAILS.values()) <= {path.stem for path in TEMPLATES.glob("*.txt")}


def test_a_developer_sees_every_mail_in_test_mode_and_nobody_where_money_is_real(
    databases: Databases,
) -> None:
    boss = Operators(current=lambda: Operator("boss", Role.SUPPORT))
    shop = Writing(databases, operators=boss, PREPAID_SHOP_NAME="Tea & Co")
    shop.pay(shop.buy())
    page = shop.browser().get("/prepaid/admin/mails?mail=receipt-tax").text
    assert set(re.findall(r"<option[^>]*>([\w-]+)<", page)) == set(samples())
    assert re.findall(r'<iframe sandbox width="(\d+)"', page) == ["390", "640"]
    assert "Tax in it: $0.95" in page

    framed = shop.browser().get("/prepaid/admin/mails/receipt-tax")
    assert "Tea &amp; Co" in framed.text
    assert "sandbox" in framed.headers["Content-Security-Policy"]
    assert shop.browser().get("/prepaid/admin/mails/no-such").status_code == 404
    assert shop.browser().get("/prepaid/admin/mails?mail=no-such").status_code == 404
    assert "/prepaid/admin/mails" in shop.browser().get("/prepaid/admin/customers/user:1").text
    assert shop.subjects == ["Your receipt: 100 credits"], "a sample is sent to nobody"
    shop.close()

    live = {"PREPAID_STRIPE_SECRET_KEY": "sk_live_a", "PREPAID_STRIPE_PUBLISHABLE_KEY": "pk_live_a"}
    shop = Writing(databases, operators=boss, **live)
    for path in ("/prepaid/admin/mails", "/prepaid/admin/mails/receipt"):
        assert shop.browser().get(path).status_code == 404
    shop.close()
