"""The shop speaks its reader's language: what they chose at the foot of a page, else their browser's."""

from __future__ import annotations

import re
from email import message_from_string, policy

from stripe import StripeClient

from ..running_shop import PASSWORD, RunningShop, Visitor

NEW = "zq7-zq7-zq7"
BROWSER = "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"


def reader(shop: RunningShop, language: str) -> Visitor:
    return shop.visitor(HTTP_ACCEPT=BROWSER, HTTP_ACCEPT_LANGUAGE=language, HTTP_SEC_FETCH_SITE="same-origin")


def test_a_german_registers_and_reads_german_all_along(shop: RunningShop) -> None:
    ann = reader(shop, "de-DE,de;q=0.9,en;q=0.8")

    home = ann.get("/").text
    for words in ('<html lang="de">', "Zufallszahlen\u00adgenerator", "10,00\u00a0$", "1,00\u00a0$ pro Zahl"):
        assert words in home
    assert "Diese Seite gibt es nicht" in ann.get("/nowhere").text
    wrong = ann.login("ann@rando.test", "no password of hers")
    assert "Die E-Mail-Adresse oder das Passwort ist falsch." in wrong.text
    short = ann.register("ann@rando.test", "short")
    assert "Passwort muss mindestens 8 Zeichen" in short.text  # a message of Flask-Security's own

    ann.register("ann@rando.test")
    profile = ann.get("/user-profile").text
    assert "Verbleibendes Guthaben" in profile
    assert "Willkommen. 3 Credits gehören Ihnen zum Ausprobieren." in profile
    ann.draw()
    usage = ann.get("/usage").text
    assert "Zahl gezogen" in usage
    assert "Willkommen bei Rando Number" in usage
    assert ann.api("/number/?min=9&max=1").json["error"]["message"].isascii()  # type: ignore[index]


def test_a_choice_goes_before_the_browser_and_stays_with_its_customer(shop: RunningShop) -> None:
    ben = reader(shop, "de")
    ben.register("ben@rando.test")

    sent = ben.send("/language", form_of="/terms", language="es")
    assert sent.location == "/terms"
    assert "Qué compra aquí" in ben.get("/terms").text
    elsewhere = reader(shop, "en")
    elsewhere.login("ben@rando.test")
    assert "Créditos restantes" in elsewhere.get("/user-profile").text
    reader(shop, "en").send("/reset", email="ben@rando.test")  # whoever it is, Ben reads it
    assert "Establecer una contraseña nueva" in shop.mails()[-1]

    for back in (
        "//elsewhere.example",
        "https://elsewhere.example",
        "/\\elsewhere.example",
        "http://[",
        "/\telsewhere",
    ):
        assert ben.send("/language", form_of="/terms", language="en", back=back).location == "/"
    assert ben.send("/language", form_of="/terms", language="tlh").status_code == 422
    assert "What you buy here" in ben.get("/terms").text


def test_stripe_writes_in_the_language_that_its_customer_chooses(shop: RunningShop) -> None:
    ann = reader(shop, "de")
    ann.register("ann@rando.test")
    shop.stripe.pay(ann.buy(pack="starter"))
    customers = StripeClient("sk_test_shop", http_client=shop.stripe.http_client()).v1.customers
    assert customers.list().data[0].preferred_locales == ["de"]

    ann.send("/language", form_of="/terms", language="es")

    assert customers.list().data[0].preferred_locales == ["es"]


def test_another_site_chooses_no_language_for_anybody(shop: RunningShop) -> None:
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://elsewhere.example"}, {}):
        sent = shop.app.test_client().post("/language", data={"language": "es"}, headers=headers)

        assert (sent.status_code, sent.headers.get("Set-Cookie")) == (400, None), headers


def test_mails_of_an_account_are_in_its_language_whoever_asks_for_them(shop: RunningShop) -> None:
    ann = reader(shop, "en")
    ann.register("ann@rando.test")
    ann.send("/language", form_of="/terms", language="de")
    english = reader(shop, "en")
    english.register("ann@rando.test")
    english.send("/reset", email="ann@rando.test")
    english.login("ann@rando.test")
    english.send("/change", password=PASSWORD, new_password=NEW, new_password_confirm=NEW)
    english.send("/close-account")

    mails = [message_from_string(mail, policy=policy.default) for mail in shop.mails()]
    for mail, words in zip(mails, ("Passwort", "geändert", "geschlossen"), strict=True):
        text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
        assert words in mail["Subject"] + text
        assert not re.search(r"\b(the|your|you)\b", mail["Subject"] + text, re.IGNORECASE)
