"""The other elements of stripe.js in a real browser: a card, an email, an address, a wallet."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import pytest
from flask import Flask, request
from playwright.sync_api import Page, expect
from stripe import StripeClient
from werkzeug.serving import make_server

from stripe_emulator import Emulator

pytestmark = pytest.mark.browser

HOST_PAGE = """<!doctype html><html lang="en"><title>Shop</title>
<div id="email"></div><div id="address"></div><div id="card"></div><div id="wallet"></div>
<button id="pay">Buy</button><p id="result" role="status"></p>
<script src="{js}/js/stripe.js"></script><script>window.settings = {settings};</script>
<script src="/shop.js"></script>"""

SHOP_JS = """
const { secret, kind } = window.settings;
const stripe = Stripe("pk_test_emulator");
const byId = (id) => document.getElementById(id);
const show = (value) => { byId("result").textContent = JSON.stringify(value); };
const deferred = { mode: "payment", amount: 500, currency: "usd" };
const elements = stripe.elements(secret.startsWith("pi_") ? { clientSecret: secret } : deferred);
const make = (type, where, options) => {
  const made = elements.create(type, options);
  made.mount(where);
  return made;
};
const ends = ({ error, paymentIntent, setupIntent, token, confirmationToken }) => {
  const made = paymentIntent ?? setupIntent ?? token ?? confirmationToken;
  show(error ? { error: error.message } : made.status ?? made.id);
};

({
  card() {
    const card = make("card", "#card");
    const payment_method = { card, billing_details: { name: "Jo" } };
    byId("pay").onclick = async () => ends(await stripe.confirmCardPayment(secret, { payment_method }));
  },
  setup() {
    const card = make("card", "#card");
    const payment_method = { card };
    byId("pay").onclick = async () => ends(await stripe.confirmCardSetup(secret, { payment_method }));
  },
  token() {
    const card = make("card", "#card");
    byId("pay").onclick = async () => ends(await stripe.createToken(card, { name: "Jo" }));
  },
  all() {
    make("linkAuthentication", "#email", { defaultValues: { email: "jo@example.com" } });
    make("address", "#address", { mode: "billing" });
    make("payment", "#card");
    byId("pay").onclick = async () => {
      const { error } = await elements.submit();
      if (error) return show({ error: error.message });
      ends(await stripe.confirmPayment({ elements, redirect: "if_required" }));
    };
  },
  confirmation() {
    make("payment", "#card");
    byId("pay").onclick = async () => ends(await stripe.createConfirmationToken({ elements }));
  },
  wallet() {
    const wallet = make("expressCheckout", "#wallet");
    const redirect = "if_required";
    wallet.on("confirm", async () => ends(await stripe.confirmPayment({ elements, redirect })));
  },
})[kind]();
"""


class ElementsPage:
    """A host's page with elements, and its server's client of the emulator."""

    def __init__(self, emulator: Emulator, page: Page, url: str) -> None:
        self.page, self.url = page, url
        self.stripe = StripeClient("sk_test_emulator", http_client=emulator.http_client()).v1

    def open(self, kind: str, secret: str | None = "") -> None:
        settings = json.dumps({"kind": kind, "secret": secret})
        self.page.goto(f"{self.url}/?settings={settings}")

    def type_card(self, number: str, title: str = "Secure card payment input frame") -> None:
        frame = self.page.frame_locator(f"iframe[title='{title}']")
        frame.get_by_label("Card number").fill(number)
        frame.get_by_label("Expiration date").fill("12/34")
        frame.get_by_label("Security code").fill("123")

    def buy(self) -> None:
        self.page.get_by_role("button", name="Buy").click()

    def shows(self, text: str) -> None:
        expect(self.page.locator("#result")).to_contain_text(text)

    def result(self) -> str:
        expect(self.page.locator("#result")).not_to_be_empty()
        return str(json.loads(self.page.locator("#result").inner_text()))


@pytest.fixture
def shop(served: Emulator, page: Page) -> Iterator[ElementsPage]:
    app = Flask("shop", static_folder=None)

    @app.get("/")
    def home() -> str:
        return HOST_PAGE.format(js=served.store.base_url, settings=request.args["settings"])

    @app.get("/shop.js")
    def script() -> tuple[str, dict[str, str]]:
        return SHOP_JS, {"Content-Type": "text/javascript"}

    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield ElementsPage(served, page, f"http://localhost:{server.port}")
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_card_element_pays_and_its_bank_may_ask(shop: ElementsPage) -> None:
    payment = shop.stripe.payment_intents.create({"amount": 500, "currency": "usd"})
    shop.open("card", payment.client_secret)
    shop.type_card("4000 0000 0000 0002")
    shop.buy()
    shop.shows("Your card was declined.")

    shop.type_card("4000 0027 6000 3184")
    shop.buy()
    bank = shop.page.frame_locator('iframe[title="Your bank\'s verification page"]')
    bank.get_by_role("button", name="Complete authentication").click()

    shop.shows("succeeded")
    paid = shop.stripe.payment_intents.retrieve(payment.id, {"expand": ["payment_method"]})
    assert paid.status == "succeeded"


def test_a_card_element_saves_a_card(shop: ElementsPage) -> None:
    setup = shop.stripe.setup_intents.create({})
    shop.open("setup", setup.client_secret)
    shop.type_card("4242 4242 4242 4242")
    shop.buy()

    shop.shows("succeeded")
    assert shop.stripe.setup_intents.retrieve(setup.id).status == "succeeded"


def test_a_card_element_makes_a_token_for_older_servers(shop: ElementsPage) -> None:
    shop.open("token")
    shop.type_card("4242 4242 4242 4242")
    shop.buy()
    token = shop.stripe.tokens.retrieve(shop.result())

    assert token.card is not None
    assert (token.card.last4, token.card.name) == ("4242", "Jo")


def test_an_email_and_an_address_go_with_the_card(shop: ElementsPage) -> None:
    payment = shop.stripe.payment_intents.create({"amount": 500, "currency": "usd"})
    shop.open("all", payment.client_secret)
    shop.type_card("4242 4242 4242 4242", "Secure payment input frame")
    shop.buy()
    shop.shows("Enter your full name.")
    address = shop.page.frame_locator("iframe[title='Secure address input frame']")
    for label, text in (
        ("Full name", "Jo Doe"),
        ("Country", "us"),
        ("Address line 1", "1 Main Street"),
        ("City", "Springfield"),
        ("Postal code", "12345"),
    ):
        address.get_by_label(label).fill(text)
    shop.buy()

    shop.shows("succeeded")
    charge = shop.stripe.charges.list({"payment_intent": payment.id}).data[0]
    details = charge.billing_details
    assert (details.email, details.name) == ("jo@example.com", "Jo Doe")
    assert details.address is not None
    assert (details.address.city, details.address.country) == ("Springfield", "US")


def test_a_server_confirms_with_a_token_of_the_page(shop: ElementsPage) -> None:
    shop.open("confirmation")
    shop.type_card("4242 4242 4242 4242", "Secure payment input frame")
    shop.buy()
    token = shop.result()

    paid = shop.stripe.payment_intents.create(
        {
            "amount": 500,
            "currency": "usd",
            "confirm": True,
            "confirmation_token": token,
            "return_url": "https://shop.example",
        }
    )
    assert paid.status == "succeeded"


def test_the_stand_in_wallet_pays_with_one_button(shop: ElementsPage) -> None:
    payment = shop.stripe.payment_intents.create({"amount": 500, "currency": "usd"})
    shop.open("wallet", payment.client_secret)
    wallet = shop.page.frame_locator("iframe[title='Secure express checkout frame']")
    wallet.get_by_role("button", name="Pay with the test wallet").click()

    shop.shows("succeeded")
    charge = shop.stripe.charges.list({"payment_intent": payment.id}).data[0]
    assert charge.billing_details.name == "Test Customer"
