"""What a tax id of each type looks like. https://docs.stripe.com/billing/customer/tax-ids#supported-tax-id

A type that has no row takes any number of up to 40 letters, digits and signs between them.
"""

from __future__ import annotations

import re

from stripe_emulator.core.errors import InvalidRequest

#: VAT numbers of the European Union, by the country that they begin with.
_EU = {
    "AT": r"U\d{8}",
    "BE": r"[01]?\d{9}",
    "BG": r"\d{9,10}",
    "CY": r"\d{8}[A-Z]",
    "CZ": r"\d{8,10}",
    "DE": r"\d{9}",
    "DK": r"\d{8}",
    "EE": r"\d{9}",
    "EL": r"\d{9}",
    "ES": r"[A-Z0-9]\d{7}[A-Z0-9]",
    "FI": r"\d{8}",
    "FR": r"[A-Z0-9]{2}\d{9}",
    "HR": r"\d{11}",
    "HU": r"\d{8}",
    "IE": r"\d[A-Z0-9+*]\d{5}[A-Z]{1,2}",
    "IT": r"\d{11}",
    "LT": r"(\d{9}|\d{12})",
    "LU": r"\d{8}",
    "LV": r"\d{11}",
    "MT": r"\d{8}",
    "NL": r"\d{9}B\d{2}",
    "PL": r"\d{10}",
    "PT": r"\d{9}",
    "RO": r"\d{2,10}",
    "SE": r"\d{12}",
    "SI": r"\d{8}",
    "SK": r"\d{10}",
    "XI": r"(\d{9}|\d{12}|(GD|HA)\d{3})",
}

_FORMATS = {
    "ae_trn": r"\d{15}",
    "au_abn": r"\d{11}",
    "br_cnpj": r"\d{14}",
    "br_cpf": r"\d{11}",
    "ca_bn": r"\d{9}",
    "ca_gst_hst": r"\d{9}RT\d{4}",
    "ch_uid": r"CHE\d{9}",
    "ch_vat": r"CHE\d{9}(MWST|TVA|IVA)",
    "es_cif": r"[A-Z]\d{7}[A-Z0-9]",
    "eu_vat": "|".join(f"({country}{number})" for country, number in _EU.items()),
    "gb_vat": r"GB(\d{9}|\d{12}|(GD|HA)\d{3})",
    "in_gst": r"\d{2}[A-Z]{5}\d{4}[A-Z][A-Z0-9]Z[A-Z0-9]",
    "mx_rfc": r"[A-ZÑ&]{3,4}\d{6}[A-Z0-9]{3}",
    "no_vat": r"\d{9}MVA",
    "nz_gst": r"\d{8,9}",
    "sg_uen": r"[A-Z0-9]{9,10}",
    "us_ein": r"\d{9}",
    "za_vat": r"4\d{9}",
}
_ANY = r"[A-Z0-9]{1,40}"
_BETWEEN = re.compile(r"[\s.\-/]")

#: Numbers that tell a test account how the check ends. https://docs.stripe.com/billing/customer/tax-ids#testing
VERIFIED, UNVERIFIED, PENDING = "000000000", "111111111", "222222222"

#: Types that pages offer, with the words beside them; the API takes the others, too.
KINDS = {
    "eu_vat": "EU VAT number",
    "gb_vat": "GB VAT number",
    "au_abn": "Australian business number",
    "br_cnpj": "Brazilian CNPJ",
    "ca_gst_hst": "Canadian GST/HST number",
    "ch_vat": "Swiss VAT number",
    "in_gst": "Indian GST number",
    "no_vat": "Norwegian VAT number",
    "nz_gst": "New Zealand GST number",
    "us_ein": "US employer number",
    "za_vat": "South African VAT number",
}

#: Types that Stripe looks up in a government's register.
LOOKED_UP = ("au_abn", "eu_vat", "gb_vat")


def check(kind: str, value: str, param: str) -> None:
    """:raises InvalidRequest: No such number can be."""
    number = _BETWEEN.sub("", value).upper()
    good = number in (VERIFIED, UNVERIFIED, PENDING) or re.fullmatch(_FORMATS.get(kind, _ANY), number)
    if not good:
        raise InvalidRequest(f"Invalid value for {kind}.", code="tax_id_invalid", param=param)


def country(kind: str, value: str) -> str | None:
    """The country of a tax id: of its type, or what a number of the European Union begins with."""
    if kind == "eu_vat":
        start = value[:2].upper()
        return {"EL": "GR"}.get(start, start) if start.isalpha() else None
    if kind in ("eu_oss_vat", "unknown"):
        return None
    return kind[:2].upper()


def verdict(kind: str, value: str) -> str:
    """What the register says in the end: ``pending`` is never decided, ``unavailable`` has none."""
    if kind not in LOOKED_UP:
        return "unavailable"
    digits = "".join(character for character in value if character.isdigit())
    return {UNVERIFIED: "unverified", PENDING: "pending"}.get(digits, "verified")
