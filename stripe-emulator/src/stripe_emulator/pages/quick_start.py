"""What the dashboard shows a newcomer: a first payment in three languages, and the cards."""

from __future__ import annotations

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

#: Number -> what its bank does. https://docs.stripe.com/testing
CARDS = (
    ("4242 4242 4242 4242", "pays"),
    ("5555 5555 5555 4444", "pays, a Mastercard"),
    ("4000 0000 0000 0002", "declines"),
    ("4000 0000 0000 9995", "declines: insufficient funds"),
    ("4000 0000 0000 0069", "declines: expired card"),
    ("4000 0000 0000 0127", "declines: wrong security code"),
    ("4000 0000 0000 0119", "declines: processing error"),
    ("4000 0000 0000 0341", "can be saved, then declines"),
    ("4000 0025 0000 3155", "asks its customer once, then pays off-session"),
    ("4000 0027 6000 3184", "asks its customer every time"),
    ("4000 0000 0000 0259", "pays, then disputes as fraudulent"),
    ("4000 0000 0000 1976", "pays, then opens an inquiry"),
    ("4000 0000 0000 7726", "pays; a refund succeeds later"),
    ("4000 0000 0000 5126", "pays; a refund fails later"),
)


def snippets(base_url: str) -> list[tuple[str, str]]:
    """Headings and code, with the emulator's own address in them."""
    host, _, port = base_url.partition("://")[2].partition(":")
    texts = (("Python", _PYTHON), ("Node", _NODE), ("curl", _CURL), ("A page with elements", _PAGE))
    return [
        (label, text.replace("BASE", base_url).replace("HOST", host).replace("PORT", port or "80"))
        for label, text in texts
    ]
