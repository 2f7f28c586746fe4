"""A customer reads their own language, on pages, at Stripe and in mails; operators and programs English."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from flask.testing import FlaskClient

from flask_prepaid import Operator, Operators, Plan, Role
from flask_prepaid.languages import formats
from flask_prepaid.languages.choice import written_in

from ..subscriptions.plan_shop import PlanShop
from .conftest import Mail

BROWSER = "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"


@pytest.fixture
def open_shop(opened: Callable[..., PlanShop]) -> Callable[..., PlanShop]:
    return partial(opened, PREPAID_LANGUAGES="en,de,es")


def reading(shop: PlanShop, language: str, owner: str | None = "user:1") -> FlaskClient:
    """A browser of somebody who reads this language."""
    browser = shop.browser(owner)
    browser.environ_base |= {"HTTP_ACCEPT": BROWSER, "HTTP_ACCEPT_LANGUAGE": f"{language},en;q=0.5"}
    return browser


def test_a_number_that_stands_in_a_template_is_written_for_each_of_its_readers(
    open_shop: Callable[..., PlanShop],
) -> None:
    shop = open_shop()
    template = shop.app.jinja_env.from_string("{{ 2 | prepaid_credits }} {{ 5000 | prepaid_number }}")

    def written(language: str) -> str:
        with shop.app.test_request_context(headers={"Accept": BROWSER, "Accept-Language": language}):
            return template.render()

    assert [written(language) for language in ("de", "en")] == ["2 Credits 5.000", "2 credits 5,000"]


def test_a_german_buys_in_german_from_the_shelf_to_the_receipt(
    open_shop: Callable[..., PlanShop], sent: list[Mail]
) -> None:
    shop = open_shop()
    browser = reading(shop, "de-AT")

    shelf = browser.get("/prepaid/buy").text
    assert '<html lang="de">' in shelf
    for words in (
        "Credits kaufen",
        "Sie haben <strong>0</strong> Credits.",
        "5,00\u00a0$",
        "0,05\u00a0$ pro Credit",
    ):
        assert words in shelf
    wrong = shop.send_form(browser, "/prepaid/buy", credits="many")
    assert "Schreiben Sie die Anzahl der Credits in Ziffern, zum Beispiel 10." in wrong.text
    assert browser.get("/prepaid/buy/custom?credits=1000", headers={"Accept": "*/*"}).json == {
        "total": "900,00\u00a0$"
    }

    session = shop.session_of(shop.send_form(browser, "/prepaid/buy", credits="50"))
    at_stripe = shop.dashboard().v1.checkout.sessions.retrieve(
        session, {"expand": ["customer", "line_items"]}
    )
    assert at_stripe.locale == "de"
    assert at_stripe.customer.preferred_locales == ["de"]  # type: ignore[union-attr]
    assert at_stripe.line_items is not None
    assert at_stripe.line_items.data[0].description == "50 Credits"

    shop.pay(session)  # the receipt is written where nobody's browser is
    assert [subject for _, subject, _ in sent] == ["Ihr Beleg: 50 Credits"]
    rows = dict(line.split(": ", 1) for line in sent[0][2].splitlines() if ": " in line)
    assert rows["Gesamt"] == "49,00\u00a0$"
    assert rows["Datum"] == "31. Januar 2026, 12:00 (UTC)"
    assert "Ihre Credits stehen bereit." in sent[0][2]

    thanks = browser.get(f"/prepaid/return?session_id={session}").text
    assert ">50 Credits für 49,00\u00a0$ gutgeschrieben</h1>" in thanks
    bill = browser.get("/prepaid/billing").text
    assert ">31.01.2026</time>" in bill
    assert '<option value="AT">Österreich</option>' in bill
    shop.close()


def written_to_in(shop: PlanShop) -> list[str] | None:
    """The languages in which Stripe writes to the shop's one customer."""
    return shop.v1.customers.list().data[0].preferred_locales


def test_stripe_writes_in_the_language_that_a_customer_has_chosen_since(
    open_shop: Callable[..., PlanShop],
) -> None:
    chosen = {"user:1": "de"}
    shop = open_shop(language=lambda owner: chosen.get(owner or ""))
    shop.pay(shop.buy())
    assert (written_to_in(shop), shop.drift()) == (["de"], [])

    chosen["user:1"] = "es"
    shop.read(lambda: shop.prepaid.sync_customer("user:1"))
    assert written_to_in(shop) == ["es"]

    chosen["user:1"] = "en"  # and nobody has told of it
    assert [each["kind"] for each in shop.drift()] == ["outdated"]
    assert shop.drift("--fix") == []
    assert written_to_in(shop) == ["en"]
    shop.close()


def test_whoever_buys_in_another_language_later_is_written_to_in_that_one(
    open_shop: Callable[..., PlanShop], sent: list[Mail]
) -> None:
    shop = open_shop()

    for language in ("de", "es", "es", "fr"):
        shop.pay(shop.session_of(shop.send_form(reading(shop, language), "/prepaid/buy", pack="starter")))

    assert [subject for _, subject, _ in sent] == [
        "Ihr Beleg: 100 Credits",
        "Su recibo: 100 créditos",
        "Su recibo: 100 créditos",
        "Your receipt: 100 credits",  # French is not offered, and the browser takes English as well
    ]
    customer = shop.dashboard().v1.customers.list().data[0]
    assert customer.preferred_locales == ["en"]
    shop.close()


def test_what_the_host_says_goes_before_the_browser(
    open_shop: Callable[..., PlanShop], sent: list[Mail]
) -> None:
    chosen: dict[str | None, str] = {"user:1": "es", None: "de", "user:2": "nonsense"}
    shop = open_shop(language=chosen.get)

    assert "Comprar créditos" in reading(shop, "de").get("/prepaid/buy").text
    assert "Credits kaufen" in reading(shop, "de", "user:2").get("/prepaid/buy").text
    lost = reading(shop, "en", None).get("/prepaid/return?session_id=cs_1")
    assert "Diesen Kauf gibt es nicht. Melden Sie sich als der Kunde an" in lost.text

    shop.pay(shop.buy())
    assert [subject for _, subject, _ in sent] == ["Su recibo: 100 créditos"]
    shop.close()


def test_programs_and_operators_read_english_and_so_does_a_shop_that_says_nothing(
    open_shop: Callable[..., PlanShop],
) -> None:
    shop = open_shop(operators=Operators(current=lambda: Operator("olga", Role.ADMIN)))
    german = reading(shop, "de")

    refused = german.get("/prepaid/return?session_id=cs_1", headers={"Accept": "application/json"})
    assert refused.json is not None
    assert refused.json["error"]["message"] == "There is no such purchase."
    assert "Payments" in german.get("/prepaid/admin/payments").text
    assert "Zahlungen" not in german.get("/prepaid/admin/payments").text
    shop.close()

    silent = open_shop(PREPAID_LANGUAGES="en")
    session = silent.session_of(silent.send_form(reading(silent, "de"), "/prepaid/buy", pack="starter"))
    opened = silent.dashboard().v1.checkout.sessions.retrieve(session, {"expand": ["customer"]})
    assert opened.locale is None
    assert opened.customer.preferred_locales == []  # type: ignore[union-attr]
    silent.close()


def test_a_host_adds_a_language_and_words_a_message_anew(
    open_shop: Callable[..., PlanShop], tmp_path: Path
) -> None:
    catalogues: dict[str, dict[str | tuple[str, str], str | tuple[str, str]]] = {
        "fr": {"Buy Credits": "Acheter des crédits", ("credit", "credits"): ("crédit", "crédits")},
        "de": {"Buy Credits": "Guthaben aufladen"},
    }
    for language, words in catalogues.items():
        folder = tmp_path / language / "LC_MESSAGES"
        folder.mkdir(parents=True)
        catalogue = Catalog(locale=language)
        for message, translation in words.items():
            catalogue.add(message, translation)
        with (folder / "flask_prepaid.mo").open("wb") as file:
            write_mo(file, catalogue)
    shop = open_shop(PREPAID_LANGUAGES="fr,de", PREPAID_TRANSLATIONS=str(tmp_path))

    french = reading(shop, "fr").get("/prepaid/buy").text
    assert "Acheter des crédits" in french
    assert "<strong>0</strong> crédit." in french  # one form for none and for one, as French has it
    assert "5,00\u00a0$US" in french
    assert "How many credits?" in french  # what the host has not translated
    german = reading(shop, "de").get("/prepaid/buy").text
    assert "Guthaben aufladen" in german
    assert "Wie viele Credits?" in german
    shop.close()


def test_a_plan_of_months_is_read_in_each_language(open_shop: Callable[..., PlanShop]) -> None:
    plans = (
        Plan("quarter", credits=1_000, amount_minor=2_900, interval_count=3, trial_days=1),
        Plan("year", credits=500, amount_minor=12_000, interval="year", every="month", roll_over=100),
    )
    shop = open_shop(plans=plans)

    for language, words in {
        "de": (
            "29,00\u00a0$</strong> alle 3 Monate",
            "1.000 Credits alle 3 Monate",
            "Zuerst 1 Tag",
        ),
        "es": (
            "29,00\u00a0US$</strong> cada 3 meses",
            "1.000 créditos cada 3 meses",
            "Primero 1 día gratis.",
        ),
        "en": ("$29.00</strong> every 3 months", "1,000 credits every 3 months", "1 day free first."),
    }.items():
        page = reading(shop, language).get("/prepaid/plan").text
        for each in words:
            assert each in page, (language, each)
    yearly = reading(shop, "de").get("/prepaid/plan?every=year").text
    assert "500 Credits pro Monat" in yearly
    assert "Bis zu 100 unverbrauchte Credits werden übertragen." in yearly
    shop.close()


@pytest.mark.parametrize(
    ("language", "amount", "fine", "number", "title"),
    [
        ("en", "-$1,234.50", "1.250 KWD", "1,234.5", "2 × 1,000 credits a month"),
        ("de", "-1.234,50\u00a0$", "1,250\u00a0KWD", "1.234,5", "2 × 1.000 Credits pro Monat"),
        ("es", "-1.234,50\u00a0US$", "1,250\u00a0KWD", "1.234,5", "2 × 1.000 créditos al mes"),
    ],
)
def test_numbers_and_amounts_are_written_by_locale(
    language: str, amount: str, fine: str, number: str, title: str
) -> None:
    with written_in(language):
        assert formats.amount(-123_450, "usd") == amount
        assert formats.amount(1_250, "kwd") == fine
        assert formats.amount(500, "isk") in (
            "5.00 ISK",
            "5,00\u00a0ISK",
        )  # as Stripe has it, not as ISO does
        assert (language == "en") or formats.plain_number(Decimal("1234.5")) == number
        assert formats.title("2 × 1,000 credits a month") == title
        assert formats.title("A name of the host's") == "A name of the host's"


def test_a_number_is_read_as_its_writer_writes_it(open_shop: Callable[..., PlanShop]) -> None:
    from prepaid_ledger import Unit

    shop = open_shop(unit=Unit("credit", scale=3), packs=(), plans=())

    for language, written in (("de", "2,5"), ("de", "2.5"), ("en", "2.5")):
        shop.send_form(reading(shop, language), "/prepaid/alerts", kind="balance", threshold=written)
        page = reading(shop, language).get("/prepaid/alerts").text
        assert re.search(r"Weniger als 2,5 Credits|Fewer than 2\.5 credits", page)
    shop.close()


@pytest.mark.parametrize(
    ("language", "written"), [("de", "1.000"), ("es", "1.000"), ("en", "1,000"), ("en", "1000")]
)
def test_a_thousand_is_read_as_pages_write_it(
    open_shop: Callable[..., PlanShop], language: str, written: str
) -> None:
    """In German the point of 1.000 stands between groups: it was read as one."""
    shop = open_shop()

    shop.send_form(reading(shop, language), "/prepaid/alerts", kind="balance", threshold=written)

    assert shop.read(lambda: [alert.threshold for alert in shop.prepaid.alerts("user:1")]) == [1_000]
    shop.close()


def test_a_german_reads_no_english_of_an_address_and_in_a_mails_foot(
    open_shop: Callable[..., PlanShop], sent: list[Mail]
) -> None:
    shop = open_shop()
    browser = reading(shop, "de")

    refused = shop.send_form(browser, "/prepaid/endpoints", url="https://127.0.0.1/").text
    assert "nicht öffentlich" in refused
    assert "not public" not in refused
    shop.pay(shop.session_of(shop.send_form(browser, "/prepaid/buy", pack="berlin")))
    assert "(Testmodus, kein echtes Geld)" in sent[0][2]
    shop.close()
