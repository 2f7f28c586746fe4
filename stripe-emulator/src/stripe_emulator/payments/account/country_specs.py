"""What holds for accounts of a country. https://docs.stripe.com/api/country_specs"""

from __future__ import annotations

import re

from stripe_emulator import contract
from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.core import money
from stripe_emulator.core.errors import InvalidRequest, NotFound, no_such
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form

register = Register()

_ACCOUNTS = """
AE aed AT eur AU aud BE eur BG bgn BR brl CA cad CH chf CY eur CZ czk DE eur DK dkk EE eur ES eur FI eur
FR eur GB gbp GI gbp GR eur HK hkd HR eur HU huf IE eur IN inr IT eur JP jpy LI chf LT eur LU eur LV eur
MT eur MX mxn MY myr NL eur NO nok NZ nzd PL pln PT eur RO ron SE sek SG sgd SI eur SK eur TH thb US usd
"""
#: The countries that Stripe opens accounts in, each with its currency. https://stripe.com/global
CURRENCIES: dict[str, str] = dict(re.findall(r"([A-Z]{2}) ([a-z]{3})", _ACCOUNTS))

#: What Stripe asks of whoever opens an account, in every country.
_PERSON = ("address.city", "address.line1", "address.postal_code", "dob.day", "dob.month", "dob.year")
_BUSINESS = ("business_profile.mcc", "business_profile.url", "business_type", "external_account")
_COMPANY = ("address.city", "address.line1", "address.postal_code", "name", "phone", "tax_id")
_ACCEPTANCE = ("tos_acceptance.date", "tos_acceptance.ip")


@register.get("/v1/country_specs/{country}")
def retrieve(form: Form, country: str) -> Json:
    """https://docs.stripe.com/api/country_specs/retrieve"""
    if country not in CURRENCIES:
        raise NotFound(no_such("country_spec", country), code="resource_missing", param="country")
    return _spec(country)


@register.get("/v1/country_specs")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/country_specs/list"""
    return lists.slice_of([_spec(country) for country in CURRENCIES], form, url="/v1/country_specs")


def must_be_country(code: str, param: str) -> None:
    """:raises InvalidRequest: It is no two letters of a country."""
    if not re.fullmatch("[A-Z]{2}", code):
        raise InvalidRequest(
            f"Country '{code[:20]}' is unknown. Try using a 2-character alphanumeric country code instead,"
            " such as 'US', 'EG', or 'GB'.",
            code="country_code_invalid",
            param=param,
        )


def _spec(country: str) -> Json:
    currency = CURRENCIES[country]
    banks = {code: [place for place, own in CURRENCIES.items() if own == code] for code in (currency, "usd")}
    company = [f"company.{name}" for name in _COMPANY] + [f"representative.{name}" for name in _PERSON]
    individual = [f"individual.{name}" for name in (*_PERSON, "email", "first_name", "last_name", "phone")]
    return contract.blank("country_spec") | {
        "id": country,
        "default_currency": currency,
        "supported_bank_account_currencies": banks,
        "supported_payment_currencies": [currency, *sorted(money.CURRENCIES - {currency})],
        "supported_payment_methods": ["ach", "card", "stripe"] if country == "US" else ["card", "stripe"],
        "supported_transfer_countries": sorted(CURRENCIES),
        "verification_fields": {
            "company": {"additional": [], "minimum": sorted([*_BUSINESS, *company, *_ACCEPTANCE])},
            "individual": {"additional": [], "minimum": sorted([*_BUSINESS, *individual, *_ACCEPTANCE])},
        },
    }
