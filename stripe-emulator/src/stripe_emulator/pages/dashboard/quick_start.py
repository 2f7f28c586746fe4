"""What the dashboard shows a newcomer: a first payment in three languages, and the cards."""

from __future__ import annotations

from textwrap import wrap

from flask.typing import ResponseReturnValue

from stripe_emulator.pages.common.account import storage
from stripe_emulator.pages.dashboard.frame.frame import blueprint, page
from stripe_emulator.payments.cards import cards

pages = blueprint("quick_start")

_PYTHON = """\
from stripe import StripeClient

client = StripeClient("sk_test_emulator", base_addresses={"api": "BASE"})
session = client.v1.checkout.sessions.create({
    "mode": "payment",
    "success_url": "http://127.0.0.1:5000/thanks?session_id={CHECKOUT_SESSION_ID}",
    "line_items": [{
        "quantity": 1,
        "price_data": {"currency": "usd", "unit_amount": 1000, "product_data": {"name": "Ten credits"}},
    }],
})
print(session.url)"""

_NODE = """\
const stripe = require("stripe")("sk_test_emulator", {
  protocol: "http", host: "HOST", port: PORT,
});
const customer = await stripe.customers.create({ email: "jenny@example.com" });
console.log(customer.id);"""

_CURL = """\
curl BASE/v1/payment_intents -u sk_test_emulator: \\
  -d amount=1000 -d currency=usd \\
  -d payment_method=pm_card_visa -d confirm=true \\
  -d return_url=http://127.0.0.1:5000/thanks"""

_PAGE = """\
<script src="BASE/js/stripe.js"></script>"""

#: The cards to begin with, by the name that ``cards.py`` gives each, and what its bank does.
_CARDS = (
    ("visa", "pays"),
    ("mastercard", "pays, a Mastercard"),
    ("chargeDeclined", "declines"),
    ("chargeDeclinedInsufficientFunds", "declines: insufficient funds"),
    ("chargeDeclinedExpiredCard", "declines: expired card"),
    ("chargeDeclinedIncorrectCvc", "declines: wrong security code"),
    ("chargeDeclinedProcessingError", "declines: processing error"),
    ("chargeCustomerFail", "can be saved, then declines"),
    ("authenticationRequiredOnSetup", "asks its customer once, then pays off-session"),
    ("authenticationRequired", "asks its customer every time"),
    ("createDispute", "pays, then disputes as fraudulent"),
    ("createDisputeInquiry", "pays, then opens an inquiry"),
    ("pendingRefund", "pays; a refund succeeds later"),
    ("refundFail", "pays; a refund fails later"),
)


def cards_to_try() -> list[tuple[str, str]]:
    """Numbers in groups of four, and what each card's bank does. https://docs.stripe.com/testing"""
    return [(" ".join(wrap(cards.BY_NAME[name.lower()].number, 4)), what) for name, what in _CARDS]


def snippets(base_url: str) -> list[tuple[str, str]]:
    """Headings and code, with the emulator's own address in them."""
    host, _, port = base_url.partition("://")[2].partition(":")
    texts = (("Python", _PYTHON), ("Node", _NODE), ("curl", _CURL), ("A page with elements", _PAGE))
    return [
        (label, text.replace("BASE", base_url).replace("HOST", host).replace("PORT", port or "80"))
        for label, text in texts
    ]


@pages.get("/start")
def start() -> ResponseReturnValue:
    """How to point a program here, and the cards to pay with."""
    return page("start", snippets=snippets(storage().base_url), cards=cards_to_try())
