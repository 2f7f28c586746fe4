"""What becomes of a debit from each test account. https://docs.stripe.com/payments/sepa-debit"""

from __future__ import annotations

from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.payments.cards.cards import Card

#: A debit from these fails.
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

#: From these it takes three minutes.
_LATE = {"AT321904300235473204", "DE08370400440532013003", "FR3020041010050500013M02609"}


def numbered(iban: str, *, param: str = "sepa_debit[iban]") -> Card:
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


#: How many characters of an IBAN, after its first four, name the bank.
_BANK_CODES = {"BE": 3, "DE": 8, "DK": 4, "ES": 4, "FI": 3, "GB": 4, "IE": 4, "NL": 4, "NO": 4, "PT": 4}


def bank_code(number: str) -> str:
    """The bank's part of an IBAN."""
    return number[4 : 4 + _BANK_CODES.get(number[:2], 5)]
