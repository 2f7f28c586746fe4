"""A shop's own page buys with elements: the stand-in for stripe.js in a real browser."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask, request
from playwright.sync_api import FrameLocator, Page, expect
from stripe import StripeClient
from werkzeug.serving import make_server

from stripe_emulator import Emulator

pytestmark = pytest.mark.browser

VISA, DECLINED, ASKS = "4242 4242 4242 4242", "4000 0000 0000 0002", "4000 0027 6000 3184"

#: One page for every story; what it is to do comes as JSON, and what became of it is shown.
HOST_PAGE = """<!doctype html><html lang="en"><title>Shop</title>
<p>Total <output id="total"></output></p><p id="can"></p>
<label>Email <input id="email"></label><button id="more">One more</button>
<button id="server">Change at the server</button>
<div id="payment"></div><button id="pay">Buy</button><p id="said" role="status"></p>
<script src="{js}/js/stripe.js"></script><script>window.settings = {settings};</script>
<script src="/shop.js"></script>"""

SHOP_JS = """
const { secret, kind, redirect } = window.settings;
const stripe = Stripe("pk_test_emulator");
const byId = (id) => document.getElementById(id);
const say = (value) => { byId("said").textContent = JSON.stringify(value); };
const show = (session) => {
  byId("total").textContent = session.total.total.amount;
  byId("can").textContent = session.canConfirm ? "can confirm" : "cannot confirm";
};

async function checkout() {
  const sdk = stripe.initCheckoutElementsSdk({ clientSecret: Promise.resolve(secret) });
  sdk.createPaymentElement().mount("#payment");
  sdk.on("change", show);
  const loaded = await sdk.loadActions();
  if (loaded.type === "error") return say(loaded.error);
  const { actions } = loaded;
  show(actions.getSession());
  byId("email").onchange = async () => {
    const answer = await actions.updateEmail(byId("email").value);
    if (answer.type === "error") say(answer.error);
  };
  byId("more").onclick = async () => {
    const [line] = actions.getSession().lineItems;
    const answer = await actions.updateLineItemQuantity({ lineItem: line.id, quantity: line.quantity + 1 });
    if (answer.type === "error") say(answer.error);
  };
  byId("server").onclick = () => actions.runServerUpdate(() => fetch("/change", { method: "POST" }));
  byId("pay").onclick = async () => {
    const answer = await actions.confirm({ redirect });
    say(answer.type === "error" ? answer.error : answer.session.status);
  };
}

function intent(confirm) {
  const elements = stripe.elements({ clientSecret: secret });
  elements.create("payment").mount("#payment");
  byId("pay").onclick = async () => {
    const confirmParams = { return_url: `${location.origin}/back` };
    const { error, paymentIntent, setupIntent } = await confirm({ elements, confirmParams, redirect });
    if (error) say({ code: error.code, message: error.message });
    else say({ status: (paymentIntent ?? setupIntent).status });
  };
}

({
  checkout,
  payment: () => intent(stripe.confirmPayment),
  setup: () => intent(stripe.confirmSetup),
  next: async () => { say((await stripe.handleNextAction({ clientSecret: secret })).paymentIntent.status); },
  embedded: async () => {
    const page = await stripe.createEmbeddedCheckoutPage({
      fetchClientSecret: async () => secret,
      onComplete: () => say("complete"),
    });
    page.mount("#payment");
  },
  nothing: () => {},
})[kind]();
"""


class ShopPage:
    """A host's page on an origin of its own, and its server's client of the emulator."""

    def __init__(self, emulator: Emulator, page: Page, url: str) -> None:
        self.emulator, self.page, self.url = emulator, page, url
        #: What the shop's server does when its page asks for a change.
        self.change: Callable[[], object] = bool
        self.stripe = StripeClient("sk_test_emulator", http_client=emulator.http_client()).v1

    def session(self, **params: Any) -> Any:
        line = {
            "quantity": 2,
            "adjustable_quantity": {"enabled": True, "maximum": 3, "minimum": 1},
            "price_data": {"currency": "usd", "unit_amount": 1000, "product_data": {"name": "Credits"}},
        }
        back = f"{self.url}/back?session_id={{CHECKOUT_SESSION_ID}}"
        form: Any = {
            "mode": "payment",
            "ui_mode": "elements",
            "return_url": back,
            "line_items": [line],
        }
        form |= params
        return self.stripe.checkout.sessions.create(form)

    def open(self, kind: str, secret: str = "", redirect: str = "always") -> None:
        """Visit the shop's page, which is to do this with the object behind the secret."""
        settings = json.dumps({"kind": kind, "secret": secret, "redirect": redirect})
        self.page.goto(f"{self.url}/?settings={settings}")

    @property
    def card_form(self) -> FrameLocator:
        return self.page.frame_locator("iframe[title='Secure payment input frame']")

    @property
    def bank(self) -> FrameLocator:
        return self.page.frame_locator('iframe[title="Your bank\'s verification page"]')

    def type_card(self, number: str) -> None:
        self.card_form.get_by_label("Card number").fill(number)
        self.card_form.get_by_label("Expiration date").fill("12/34")
        self.card_form.get_by_label("Security code").fill("123")

    def pay(self, number: str) -> None:
        self.type_card(number)
        self.page.get_by_role("button", name="Buy").click()

    def shows(self, text: str | re.Pattern[str]) -> None:
        expect(self.page.locator("#said")).to_contain_text(text)


@pytest.fixture
def shop(served: Emulator, page: Page) -> Iterator[ShopPage]:
    app = Flask("shop", static_folder=None)

    @app.get("/")
    def home() -> str:
        return HOST_PAGE.format(js=served.store.base_url, settings=request.args["settings"])

    @app.get("/shop.js")
    def script() -> tuple[str, dict[str, str]]:
        return SHOP_JS, {"Content-Type": "text/javascript"}

    @app.get("/back")
    def back() -> str:
        return "<title>Back</title><h1>Welcome back</h1>"

    @app.post("/change")
    def change() -> str:
        made.change()
        return ""

    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    made = ShopPage(served, page, f"http://localhost:{server.port}")
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_customer_buys_on_the_shops_own_page(shop: ShopPage) -> None:
    session = shop.session()
    shop.open("checkout", session.client_secret)
    expect(shop.page.locator("#total")).to_have_text("$20.00")
    expect(shop.page.locator("#can")).to_have_text("cannot confirm")
    shop.page.get_by_label("Email").fill("jenny@example.com")
    shop.type_card(VISA)
    expect(shop.page.locator("#can")).to_have_text("can confirm")

    shop.page.get_by_role("button", name="Buy").click()

    expect(shop.page).to_have_url(f"{shop.url}/back?session_id={session.id}")
    paid = shop.stripe.checkout.sessions.retrieve(session.id)
    assert (paid.status, paid.payment_status) == ("complete", "paid")
    assert paid.customer_details is not None
    assert paid.customer_details.email == "jenny@example.com"


def test_the_page_says_that_a_card_was_declined_and_another_one_pays(shop: ShopPage) -> None:
    session = shop.session(customer_email="jenny@example.com")
    shop.open("checkout", session.client_secret, redirect="if_required")

    shop.pay(DECLINED)
    shop.shows('"code":"paymentFailed","paymentFailed":{"declineCode":"generic_decline"}')
    shop.shows("Your card was declined.")
    assert shop.stripe.checkout.sessions.retrieve(session.id).status == "open"

    shop.pay(VISA)
    shop.shows('{"paymentStatus":"paid","type":"complete"}')


def test_the_bank_asks_over_the_shops_page_and_lets_the_payment_through(shop: ShopPage) -> None:
    session = shop.session(customer_email="jenny@example.com")
    shop.open("checkout", session.client_secret)

    shop.pay(ASKS)
    shop.bank.get_by_role("button", name="Complete authentication").click()

    expect(shop.page).to_have_url(f"{shop.url}/back?session_id={session.id}")
    assert shop.stripe.checkout.sessions.retrieve(session.id).payment_status == "paid"


def test_a_customer_who_fails_at_the_bank_has_not_paid(shop: ShopPage) -> None:
    session = shop.session(customer_email="jenny@example.com")
    shop.open("checkout", session.client_secret)

    shop.pay(ASKS)
    shop.bank.get_by_role("button", name="Fail authentication").click()

    shop.shows("We are unable to authenticate your payment method.")
    assert shop.stripe.checkout.sessions.retrieve(session.id).payment_status == "unpaid"


def test_the_total_follows_the_quantity_up_to_its_limit(shop: ShopPage) -> None:
    session = shop.session()
    shop.open("checkout", session.client_secret)
    more = shop.page.get_by_role("button", name="One more")
    expect(shop.page.locator("#total")).to_have_text("$20.00")

    more.click()
    expect(shop.page.locator("#total")).to_have_text("$30.00")
    more.click()
    shop.shows("The quantity must be between 1 and 3.")

    assert shop.stripe.checkout.sessions.retrieve(session.id).amount_total == 3000


def test_a_change_at_the_shops_server_shows_on_its_page(shop: ShopPage) -> None:
    session = shop.session()
    shop.open("checkout", session.client_secret)
    expect(shop.page.locator("#total")).to_have_text("$20.00")

    line: Any = {
        "quantity": 5,
        "price_data": {"currency": "usd", "unit_amount": 900, "product_data": {"name": "Credits"}},
    }
    shop.change = lambda: shop.stripe.checkout.sessions.update(session.id, {"line_items": [line]})
    shop.page.get_by_role("button", name="Change at the server").click()

    expect(shop.page.locator("#total")).to_have_text("$45.00")


def test_a_text_that_is_no_email_address_is_refused(shop: ShopPage) -> None:
    shop.open("checkout", shop.session().client_secret)
    expect(shop.page.locator("#total")).to_have_text("$20.00")

    shop.page.get_by_label("Email").fill("jenny at home")
    shop.page.get_by_label("Email").blur()

    shop.shows('{"message":"Your email is invalid.","code":"invalidEmail"}')


def test_confirming_without_having_shown_the_total_throws(shop: ShopPage) -> None:
    session = shop.session(customer_email="jenny@example.com")
    shop.open("nothing")

    error = shop.page.evaluate(
        """async (clientSecret) => {
            const sdk = Stripe("pk_test_emulator").initCheckoutElementsSdk({ clientSecret });
            const { actions } = await sdk.loadActions();
            return actions.confirm().catch((error) => error.message);
        }""",
        session.client_secret,
    )

    assert error.startswith("Show the total before confirming")


@pytest.mark.parametrize(
    ("card", "shown"), [(VISA, '"status":"succeeded"'), (DECLINED, '"code":"card_declined"')]
)
def test_a_payment_intent_is_confirmed_with_the_element(shop: ShopPage, card: str, shown: str) -> None:
    intent = shop.stripe.payment_intents.create({"amount": 1900, "currency": "usd"})
    assert intent.client_secret
    shop.open("payment", intent.client_secret, redirect="if_required")

    shop.pay(card)

    shop.shows(shown)


def test_a_payment_that_the_bank_asks_about_goes_back_to_the_return_url(shop: ShopPage) -> None:
    intent = shop.stripe.payment_intents.create({"amount": 1900, "currency": "usd"})
    assert intent.client_secret
    shop.open("payment", intent.client_secret)

    shop.pay(ASKS)
    shop.bank.get_by_role("button", name="Complete authentication").click()

    back = f"{shop.url}/back?payment_intent={intent.id}&payment_intent_client_secret={intent.client_secret}"
    expect(shop.page).to_have_url(f"{back}&redirect_status=succeeded")
    assert shop.stripe.payment_intents.retrieve(intent.id).status == "succeeded"


def test_a_card_is_saved_with_a_setup_intent(shop: ShopPage) -> None:
    customer = shop.stripe.customers.create({"email": "jenny@example.com"})
    intent = shop.stripe.setup_intents.create({"customer": customer.id})
    assert intent.client_secret
    shop.open("setup", intent.client_secret, redirect="if_required")

    shop.pay("4000 0025 0000 3155")
    shop.bank.get_by_role("button", name="Complete authentication").click()

    shop.shows('"status":"succeeded"')
    saved = shop.stripe.customers.payment_methods.list(customer.id).data
    assert [method.card.last4 for method in saved if method.card] == ["3155"]


def test_an_intent_confirmed_at_the_server_is_finished_on_the_page(shop: ShopPage) -> None:
    intent = shop.stripe.payment_intents.create(
        {
            "amount": 1900,
            "currency": "usd",
            "payment_method": "pm_card_authenticationRequired",
            "confirm": True,
            "use_stripe_sdk": True,
        }
    )
    assert intent.client_secret
    shop.open("next", intent.client_secret)

    shop.bank.get_by_role("button", name="Complete authentication").click()

    shop.shows("succeeded")


def test_the_whole_hosted_page_can_be_embedded(shop: ShopPage) -> None:
    session = shop.session(ui_mode="embedded_page", redirect_on_completion="if_required")
    shop.open("embedded", session.client_secret)
    inside = shop.page.frame_locator("iframe[title='Secure payment page']")
    inside.get_by_label("Email").fill("jenny@example.com")
    inside.get_by_label("Card number").fill(VISA)
    inside.get_by_label("Expiry").fill("12/34")
    inside.get_by_label("Security code").fill("123")
    inside.get_by_label("Country").select_option("DE")

    inside.get_by_role("button", name="Pay $20.00").click()

    shop.shows("complete")
    assert shop.stripe.checkout.sessions.retrieve(session.id).payment_status == "paid"


def test_a_wrong_card_number_is_shown_in_the_element_and_sent_nowhere(shop: ShopPage) -> None:
    intent = shop.stripe.payment_intents.create({"amount": 1900, "currency": "usd"})
    assert intent.client_secret
    shop.open("payment", intent.client_secret)

    shop.pay("4242 4242 4242 4241")

    expect(shop.card_form.get_by_text("Your card number is invalid.")).to_be_visible()
    shop.shows('{"code":"incomplete_payment_details","message":"Your card number is invalid."}')
    assert shop.emulator.state()["objects"].get("payment_method") is None


def test_the_card_number_stays_out_of_the_shops_page(shop: ShopPage) -> None:
    sent: list[tuple[str, str]] = []
    shop.page.on("request", lambda request: sent.append((request.url, request.post_data or "")))
    session = shop.session(customer_email="jenny@example.com")
    shop.open("checkout", session.client_secret, redirect="if_required")

    shop.pay(VISA)
    shop.shows("complete")

    with_number = [url for url, body in sent if "4242424242424242" in body.replace("+", "")]
    assert with_number == [f"{shop.emulator.store.base_url}/v1/payment_methods"]
    assert "4242" not in shop.page.content()


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("Stripe('pk_test_emulator').createSource()", "stripe.createSource()"),
        ("Stripe('pk_test_emulator').initCheckout()", "stripe.initCheckout()"),
        ("Stripe('pk_test_emulator').elements({}).create('iban')", '"iban" element'),
        ("Stripe('sk_test_emulator')", "publishable test keys only"),
    ],
)
def test_what_is_not_there_throws_by_name(shop: ShopPage, code: str, words: str) -> None:
    shop.open("nothing")

    message = shop.page.evaluate(f"() => {{ try {{ {code}; }} catch (error) {{ return error.message; }} }}")

    assert words in message


def test_a_session_is_not_shown_without_its_client_secret(shop: ShopPage) -> None:
    session = shop.session()
    browser = shop.emulator.browser()

    refused = browser.get(f"/js/sessions/{session.id}?key=pk_test_emulator&client_secret=cs_secret_guessed")
    without_key = browser.get(f"/js/sessions/{session.id}?client_secret={session.client_secret}")

    assert (refused.status_code, without_key.status_code) == (401, 401)


def test_a_code_that_takes_all_completes_the_session_without_a_card(shop: ShopPage) -> None:
    coupon = shop.stripe.coupons.create({"percent_off": 100})
    shop.stripe.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "GIFT"})
    session = shop.session(customer_email="jenny@example.com", allow_promotion_codes=True)
    shop.open("nothing")

    result = shop.page.evaluate(
        """async (clientSecret) => {
            const sdk = Stripe("pk_test_emulator").initCheckoutElementsSdk({ clientSecret });
            const { actions } = await sdk.loadActions();
            const wrong = await actions.applyPromotionCode("WINTER");
            const right = await actions.applyPromotionCode("gift");
            const [off] = right.session.discountAmounts;
            const total = right.session.total.total.amount;
            const done = await actions.confirm({ redirect: "if_required" });
            return [wrong.error.code, total, off.promotionCode, done.session.status];
        }""",
        session.client_secret,
    )

    assert result == [
        "invalidCode",
        "$0.00",
        "GIFT",
        {"type": "complete", "paymentStatus": "no_payment_required"},
    ]


def test_an_element_follows_the_scheme_of_its_page_while_it_is_open(shop: ShopPage) -> None:
    """The page's own switch, or its reader's wish: the labels stay readable on the page's paper."""
    intent = shop.stripe.payment_intents.create({"amount": 1000, "currency": "usd"})
    shop.page.emulate_media(color_scheme="light")
    shop.open("payment", str(intent.client_secret))
    root = shop.card_form.locator("html")
    expect(root).to_have_attribute("data-scheme", "light")

    shop.page.evaluate("document.documentElement.style.colorScheme = 'dark'")
    expect(root).to_have_attribute("data-scheme", "dark")
    shop.page.evaluate("document.documentElement.style.colorScheme = 'light dark'")
    expect(root).to_have_attribute("data-scheme", "light")
    shop.page.emulate_media(color_scheme="dark")
    expect(root).to_have_attribute("data-scheme", "dark")
