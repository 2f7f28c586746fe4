"""What the bank answers to each test card. https://docs.stripe.com/testing

A payment method keeps its card's number, or its account's, under ``_number``; everything that
it does later is read from the tables here by that number.
"""

from __future__ import annotations

from dataclasses import dataclass

from stripe_emulator.core.errors import CardError


@dataclass(frozen=True)
class Card:
    """One test card.

    ``decline`` is a charge's ``(code, decline_code)``; ``asks`` is when the bank wants to see
    its customer: "once" (until saved or paid with), "on_session" (whenever they are there), "always",
    or never.
    """

    number: str
    brand: str = "visa"
    funding: str = "credit"
    country: str = "US"
    decline: tuple[str, str] | None = None
    #: The card can't even be saved; one that "attaches, then declines" can.
    refuses_setup: bool = True
    asks: str = "never"
    #: A reason of ``dispute_states.REASONS`` disputes the charge, "inquiry" only asks.
    dispute: str | None = None
    #: How often it is disputed.
    disputes: int = 1
    #: What could win the dispute beyond plain evidence: an entry of ``enhanced_eligibility_types``.
    eligible_for: str | None = None
    #: Checks of Radar's that fail, each by the name of the card's field: ``cvc_check``, ...
    fails: tuple[str, ...] = ()
    #: What a check of the address says that neither passes nor fails.
    address_checks: str | None = None
    #: Its bank can ask for its owner (3D Secure).
    takes_3ds: bool = True
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
    (Card("4242424242424242"), ("visa", "us")),
    (Card("4000056655665556", funding="debit"), ("visa_debit",)),
    (Card("5555555555554444", brand="mastercard"), ("mastercard",)),
    (Card("5200828282828210", brand="mastercard", funding="debit"), ("mastercard_debit",)),
    (Card("5105105105105100", brand="mastercard", funding="prepaid"), ("mastercard_prepaid",)),
    (Card("2223003122003222", brand="mastercard"), ()),
    (Card("5200007840000022", brand="mastercard", country="AE"), ("ae_mastercard",)),
    (Card("4000058260000005", country="GB", funding="debit"), ("gb_debit",)),
    (Card("5555558265554449", brand="mastercard", country="GB"), ("gb_mastercard",)),
    (Card("4000007640000003", country="TH"), ("TH", "th_credit")),
    (Card("4000057640000008", country="TH", funding="debit"), ("th_debit",)),
    (Card("4000050360000001", country="AU", funding="debit"), ("visa_debit_eftposAuCoBranded",)),
    (
        Card("5555050360000080", brand="mastercard", country="AU", funding="debit"),
        ("mastercard_debit_eftposAuCoBranded",),
    ),
    (Card("4000051230000072", funding="debit"), ("debit_visaFsaProductCode", "debit_visaHsaProductCode")),
    (
        Card("5200828282828897", brand="mastercard", funding="debit"),
        ("mastercard_debit_mastercardFsaProductCode",),
    ),
    (Card("5062210000000009", brand="carnet", country="MX"), ()),
    (Card("371449635398431", brand="amex"), ("amex",)),
    (Card("378282246310005", brand="amex", takes_3ds=False), ("amex_threeDSecureNotSupported",)),
    (Card("6011000990139424", brand="discover"), ("discover",)),
    (Card("6011111111111117", brand="discover"), ()),
    (Card("6011981111111113", brand="discover", funding="debit"), ("discover_debit",)),
    (Card("3056930009020004", brand="diners"), ("diners",)),
    (Card("36227206271667", brand="diners"), ()),
    (Card("3566002020360505", brand="jcb"), ("jcb",)),
    (Card("3530111333300000", brand="jcb", country="JP"), ()),
    (Card("6200000000000005", brand="unionpay"), ("unionpay",)),
    (Card("6200000000000047", brand="unionpay", funding="debit"), ()),
    (Card("6205500000000000004", brand="unionpay"), ()),
    (Card("4000002500001001", country="FR"), ("visa_cartesBancaires",)),
    (Card("5555552500001001", brand="mastercard", country="FR"), ("mastercard_cartesBancaires",)),
    (Card("4000000000000077", available_at_once=True), ("bypassPending",)),
    (Card("4000003720000278", country="IE", available_at_once=True), ("bypassPendingInternational",)),
    (Card("4000000000000002", decline=GENERIC), ("chargeDeclined", "visa_chargeDeclined")),
    (
        Card("4000000000009995", decline=("card_declined", "insufficient_funds")),
        ("chargeDeclinedInsufficientFunds", "visa_chargeDeclinedInsufficientFunds"),
    ),
    (
        Card("4000000000009987", decline=("card_declined", "lost_card")),
        ("chargeDeclinedLostCard", "visa_chargeDeclinedLostCard"),
    ),
    (
        Card("4000000000009979", decline=("card_declined", "stolen_card")),
        ("chargeDeclinedStolenCard", "visa_chargeDeclinedStolenCard"),
    ),
    (
        Card("4000000000006975", decline=("card_declined", "card_velocity_exceeded")),
        ("chargeDeclinedVelocityLimitExceeded", "visa_chargeDeclinedVelocityLimitExceeded"),
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
    (Card("4000000000004954", decline=("card_declined", "fraudulent")), ("riskLevelHighest",)),
    (Card("4000000000000101", fails=("cvc_check",)), ("cvcCheckFail",)),
    (Card("4000000000000036", fails=("address_postal_code_check",)), ("avsZipFail",)),
    (Card("4000000000000028", fails=("address_line1_check",)), ("avsLine1Fail",)),
    (
        Card("4000000000000010", fails=("address_line1_check", "address_postal_code_check")),
        ("avsFail",),
    ),
    (Card("4000000000000044", address_checks="unavailable"), ("avsUnchecked",)),
    (
        Card("4000000000000341", decline=GENERIC, refuses_setup=False),
        ("chargeCustomerFail", "visa_chargeCustomerFail"),
    ),
    (Card("4000002500003155", country="FR", asks="once"), ("authenticationRequiredOnSetup",)),
    (
        Card("4000003800000446", country="IT", asks="on_session"),
        ("authenticationRequiredSetupForOffSession",),
    ),
    (Card("4000002760003184", country="DE", asks="always"), ("authenticationRequired",)),
    (Card("4000000000003220", asks="always"), ("threeDSecure2Required",)),
    (Card("4000000000003063", asks="always"), ("threeDSecureRequired",)),
    (Card("4000000000003055"), ("threeDSecureOptional",)),
    (
        Card(
            "4000008260003178",
            country="GB",
            asks="always",
            decline=("card_declined", "insufficient_funds"),
            refuses_setup=False,
        ),
        ("authenticationRequiredChargeDeclinedInsufficientFunds",),
    ),
    (Card("4000008400001629", asks="always", decline=GENERIC), ("threeDSecureRequiredChargeDeclined",)),
    (Card("4000008400001280", decline=GENERIC), ("threeDSecureRequiredProcessingError",)),
    (Card("4000000000000259", dispute="fraudulent"), ("createDispute",)),
    (Card("4000000000002685", dispute="product_not_received"), ("createDisputeProductNotReceived",)),
    (Card("4000000000001976", dispute="inquiry"), ("createDisputeInquiry",)),
    (Card("4000000404000079", dispute="fraudulent", disputes=2), ("createMultipleDisputes",)),
    (
        Card("4000000404000038", dispute="fraudulent", eligible_for="visa_compelling_evidence_3"),
        ("createCe3EligibleDispute",),
    ),
    (
        Card("4000008400000779", dispute="noncompliant", eligible_for="visa_compliance"),
        ("createComplianceDispute",),
    ),
    (Card("4000000000005423", bank_warns=True), ("createIssuerFraudRecord",)),
    (Card("4000000000009235", risk="elevated"), ("riskLevelElevated",)),
    (Card("4000000000007726", late_refund="succeeds"), ("pendingRefund",)),
    (Card("4000000000005126", late_refund="fails"), ("refundFail",)),
]

#: A card from each country, named after it: ``pm_card_de``.
_BY_COUNTRY = {
    "AE": "4000007840000001",
    "AR": "4000000320000021",
    "AT": "4000000400000008",
    "AU": "4000000360000006",
    "BE": "4000000560000004",
    "BG": "4000001000000000",
    "BR": "4000000760000002",
    "BY": "4000001120000005",
    "CA": "4000001240000000",
    "CH": "4000007560000009",
    "CL": "4000001520000001",
    "CN": "4000001560000002",
    "CO": "4000001700000003",
    "CR": "4000001880000005",
    "CY": "4000001960000008",
    "CZ": "4000002030000002",
    "DE": "4000002760000016",
    "DK": "4000002080000001",
    "EC": "4000002180000000",
    "EE": "4000002330000009",
    "ES": "4000007240000007",
    "FI": "4000002460000001",
    "FR": "4000002500000003",
    "GB": "4000008260000000",
    "GI": "4000002920000005",
    "GR": "4000003000000030",
    "HK": "4000003440000004",
    "HR": "4000001910000009",
    "HU": "4000003480000005",
    "IE": "4000003720000005",
    "IN": "4000003560000008",
    "IT": "4000003800000008",
    "JP": "4000003920000003",
    "LI": "4000004380000004",
    "LT": "4000004400000000",
    "LU": "4000004420000006",
    "LV": "4000004280000005",
    "MT": "4000004700000007",
    "MX": "4000004840008001",
    "MY": "4000004580000002",
    "NL": "4000005280000002",
    "NO": "4000005780000007",
    "NZ": "4000005540000008",
    "PA": "4000005910000000",
    "PE": "4000006040000068",
    "PL": "4000006160000005",
    "PT": "4000006200000007",
    "PY": "4000006000000066",
    "RO": "4000006420000001",
    "SA": "4000006820000007",
    "SE": "4000007520000008",
    "SG": "4000007020000003",
    "SI": "4000007050000006",
    "SK": "4000007030000001",
    "TW": "4000001580000008",
    "UY": "4000008580000003",
}

_TABLE += [(Card(number, country=country), (country,)) for country, number in _BY_COUNTRY.items()]

CARDS = {card.number: card for card, _ in _TABLE}
BY_NAME = {name.lower(): card for card, names in _TABLE for name in names}

_BRANDS = (
    ("34", "amex"),
    ("37", "amex"),
    ("30", "diners"),
    ("36", "diners"),
    ("38", "diners"),
    ("35", "jcb"),
    ("62", "unionpay"),
    ("5", "mastercard"),
    ("2", "mastercard"),
    ("6", "discover"),
    ("4", "visa"),
)


def numbered(number: str) -> Card:
    """The card with this number; any other well-formed one pays.

    :raises CardError: Not a card's number; the check digit is off.
    """
    digits = number.replace(" ", "").replace("-", "")
    if digits in CARDS:
        return CARDS[digits]
    if not digits.isascii() or not digits.isdigit() or not 12 <= len(digits) <= 19 or not _checks(digits):
        raise CardError("Your card number is incorrect.", code="incorrect_number", param="number")
    brand = next((brand for start, brand in _BRANDS if digits.startswith(start)), "unknown")
    return Card(digits, brand=brand)


def named(name: str) -> Card | None:
    """The card behind ``pm_card_visa`` or ``tok_visa``; None for any other id."""
    for prefix in ("pm_card_", "tok_"):
        if name.startswith(prefix):
            return BY_NAME.get(name.removeprefix(prefix).lower())
    return None


def _checks(digits: str) -> bool:
    """Luhn's check digit."""
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0
