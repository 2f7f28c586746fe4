"""What the bank answers to each test card and test account. https://docs.stripe.com/testing

A payment method keeps its card's number, or its account's, under ``_number``; everything that
it does later is read from the tables here by that number.
"""

from __future__ import annotations

from dataclasses import dataclass

from stripe_emulator.core.errors import InvalidRequest


@dataclass(frozen=True)
class Card:
    """One test card.

    ``decline`` is a charge's ``(code, decline_code)``; ``asks`` is when the bank wants to see
    its customer: "once" (until saved or paid with), "always", or never.
    """

    number: str
    brand: str = "visa"
    funding: str = "credit"
    country: str = "US"
    decline: tuple[str, str] | None = None
    #: The card can't even be saved; one that "attaches, then declines" can.
    refuses_setup: bool = True
    asks: str = "never"
    #: "fraudulent" disputes the charge, "inquiry" only asks.
    dispute: str | None = None
    #: The bank reports a suspicion of fraud once it has paid: an early fraud warning.
    bank_warns: bool = False
    #: "elevated" places what it pays in review.
    risk: str = "normal"
    #: "succeeds" or "fails": what becomes of a refund that is pending at first.
    late_refund: str | None = None
    #: Skips the days until the money is available.
    available_at_once: bool = False
    #: A bank debit's money comes, or fails to come, later: "succeeds" or "fails".
    slow: str | None = None
    #: Seconds until it does.
    clears_after: int = 0

    @property
    def last4(self) -> str:
        return self.number[-4:]


GENERIC = ("card_declined", "generic_decline")

#: The cards, each with the names that ``pm_card_*`` and ``tok_*`` give it.
_TABLE: list[tuple[Card, tuple[str, ...]]] = [
    (Card("4242424242424242"), ("visa",)),
    (Card("4000056655665556", funding="debit"), ("visa_debit",)),
    (Card("5555555555554444", brand="mastercard"), ("mastercard",)),
    (Card("5200828282828210", brand="mastercard", funding="debit"), ("mastercard_debit",)),
    (Card("5105105105105100", brand="mastercard", funding="prepaid"), ("mastercard_prepaid",)),
    (Card("378282246310005", brand="amex"), ("amex",)),
    (Card("6011111111111117", brand="discover"), ("discover",)),
    (Card("3056930009020004", brand="diners"), ("diners",)),
    (Card("3566002020360505", brand="jcb"), ("jcb",)),
    (Card("6200000000000005", brand="unionpay"), ("unionpay",)),
    (Card("4000000760000002", country="BR"), ("br",)),
    (Card("4000001240000000", country="CA"), ("ca",)),
    (Card("4000002760000016", country="DE"), ("de",)),
    (Card("4000008260000000", country="GB"), ("gb",)),
    (Card("4000000000000077", available_at_once=True), ("bypassPending",)),
    (Card("4000000000000002", decline=GENERIC), ("chargeDeclined", "visa_chargeDeclined")),
    (
        Card("4000000000009995", decline=("card_declined", "insufficient_funds")),
        ("chargeDeclinedInsufficientFunds", "visa_chargeDeclinedInsufficientFunds"),
    ),
    (
        Card("4000000000009987", decline=("card_declined", "lost_card")),
        ("visa_chargeDeclinedLostCard",),
    ),
    (
        Card("4000000000009979", decline=("card_declined", "stolen_card")),
        ("visa_chargeDeclinedStolenCard",),
    ),
    (
        Card("4000000000000069", decline=("expired_card", "expired_card")),
        ("chargeDeclinedExpiredCard", "visa_chargeDeclinedExpiredCard"),
    ),
    (
        Card("4000000000000127", decline=("incorrect_cvc", "incorrect_cvc")),
        ("chargeDeclinedIncorrectCvc", "visa_chargeDeclinedIncorrectCvc"),
    ),
    (
        Card("4000000000000119", decline=("processing_error", "processing_error")),
        ("chargeDeclinedProcessingError", "visa_chargeDeclinedProcessingError"),
    ),
    (
        Card("4100000000000019", decline=("card_declined", "fraudulent")),
        ("chargeDeclinedFraudulent", "radarBlock"),
    ),
    (
        Card("4000000000000341", decline=GENERIC, refuses_setup=False),
        ("chargeCustomerFail", "visa_chargeCustomerFail"),
    ),
    (
        Card("4000002500003155", asks="once"),
        ("authenticationRequiredOnSetup", "authenticationRequiredSetupForOffSession"),
    ),
    (Card("4000002760003184", asks="always"), ("authenticationRequired", "threeDSecure2Required")),
    (Card("4000000000003220", asks="always"), ("threeDSecureRequired",)),
    (
        Card(
            "4000008260003178",
            asks="always",
            decline=("card_declined", "insufficient_funds"),
            refuses_setup=False,
        ),
        ("authenticationRequiredChargeDeclinedInsufficientFunds",),
    ),
    (Card("4000008400001629", asks="always", decline=GENERIC), ("threeDSecureRequiredChargeDeclined",)),
    (Card("4000000000000259", dispute="fraudulent"), ("createDispute",)),
    (Card("4000000000002685", dispute="product_not_received"), ("createDisputeProductNotReceived",)),
    (Card("4000000000001976", dispute="inquiry"), ("createDisputeInquiry",)),
    (Card("4000000000005423", bank_warns=True), ("createIssuerFraudRecord",)),
    (Card("4000000000009235", risk="elevated"), ("riskLevelElevated",)),
    (Card("4000000000007726", late_refund="succeeds"), ("pendingRefund",)),
    (Card("4000000000005126", late_refund="fails"), ("refundFail",)),
]

CARDS = {card.number: card for card, _ in _TABLE}
BY_NAME = {name.lower(): card for card, names in _TABLE for name in names}

_BRANDS = (
    ("34", "amex"),
    ("37", "amex"),
    ("5", "mastercard"),
    ("2", "mastercard"),
    ("6", "discover"),
    ("4", "visa"),
)


def numbered(number: str, *, param: str = "card[number]") -> Card:
    """The card with this number; any other well-formed one pays.

    :raises InvalidRequest: Not a card's number; the check digit is off.
    """
    digits = "".join(character for character in number if character not in " -")
    if digits in CARDS:
        return CARDS[digits]
    if not digits.isascii() or not digits.isdigit() or not 12 <= len(digits) <= 19 or not _checks(digits):
        raise InvalidRequest("Your card number is incorrect.", code="incorrect_number", param=param)
    brand = next((brand for start, brand in _BRANDS if digits.startswith(start)), "unknown")
    return Card(digits, brand=brand)


def named(name: str) -> Card | None:
    """The card behind ``pm_card_visa`` or ``tok_visa``; None for any other id."""
    for prefix in ("pm_card_", "tok_"):
        if name.startswith(prefix):
            return BY_NAME.get(name.removeprefix(prefix).lower())
    return None


#: Test accounts whose debit fails, and those that take three minutes. https://docs.stripe.com/payments/sepa-debit
_FAILING = {
    "AT861904300235473202",
    "BE68539007547034",
    "DE62370400440532013001",
    "ES9121000418450200051332",
    "FR8420041010050500013M02607",
    "IE02AIBK93115212345679",
    "IT60X0542811101000000123456",
    "NL91ABNA0417164300",
}
_LATE = {"AT321904300235473204", "DE08370400440532013003", "FR3020041010050500013M02609"}


def account(iban: str, *, param: str = "sepa_debit[iban]") -> Card:
    """What becomes of a debit from this bank account; any other well-formed IBAN pays.

    :raises InvalidRequest: Not an IBAN.
    """
    number = iban.replace(" ", "").upper()
    if not (15 <= len(number) <= 34 and number.isascii() and number.isalnum() and number[:2].isalpha()):
        raise InvalidRequest(
            "The IBAN you entered is incomplete.", code="invalid_bank_account_iban", param=param
        )
    return Card(
        number,
        brand="sepa_debit",
        country=number[:2],
        slow="fails" if number in _FAILING else "succeeds",
        clears_after=180 if number in _LATE else 0,
    )


def _checks(digits: str) -> bool:
    """Luhn's check digit."""
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


#: decline_code or code -> what the cardholder reads.
MESSAGES = {
    "generic_decline": "Your card was declined.",
    "fraudulent": "Your card was declined.",
    "lost_card": "Your card was declined.",
    "stolen_card": "Your card was declined.",
    "insufficient_funds": "Your card has insufficient funds.",
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "processing_error": "An error occurred while processing your card. Try again in a little bit.",
    "authentication_required": "Your card was declined. This transaction requires authentication.",
}
