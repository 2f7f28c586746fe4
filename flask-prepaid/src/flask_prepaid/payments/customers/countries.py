"""Where a customer may be: countries by their two letters, and which tax id and currency is at home in each.

The names are those of Unicode's CLDR, the types of tax ids Stripe's:
https://docs.stripe.com/billing/customer/tax-ids#supported-tax-id
"""

from __future__ import annotations

_NAMES = """
AF Afghanistan
AX Åland Islands
AL Albania
DZ Algeria
AS American Samoa
AD Andorra
AO Angola
AI Anguilla
AQ Antarctica
AG Antigua & Barbuda
AR Argentina
AM Armenia
AW Aruba
AU Australia
AT Austria
AZ Azerbaijan
BS Bahamas
BH Bahrain
BD Bangladesh
BB Barbados
BY Belarus
BE Belgium
BZ Belize
BJ Benin
BM Bermuda
BT Bhutan
BO Bolivia
BA Bosnia & Herzegovina
BW Botswana
BV Bouvet Island
BR Brazil
IO British Indian Ocean Territory
VG British Virgin Islands
BN Brunei
BG Bulgaria
BF Burkina Faso
BI Burundi
KH Cambodia
CM Cameroon
CA Canada
CV Cape Verde
BQ Caribbean Netherlands
KY Cayman Islands
CF Central African Republic
TD Chad
CL Chile
CN China
CX Christmas Island
CC Cocos (Keeling) Islands
CO Colombia
KM Comoros
CG Congo - Brazzaville
CD Congo - Kinshasa
CK Cook Islands
CR Costa Rica
HR Croatia
CW Curaçao
CY Cyprus
CZ Czechia
CI Côte d'Ivoire
DK Denmark
DJ Djibouti
DM Dominica
DO Dominican Republic
EC Ecuador
EG Egypt
SV El Salvador
GQ Equatorial Guinea
ER Eritrea
EE Estonia
SZ Eswatini
ET Ethiopia
FK Falkland Islands
FO Faroe Islands
FJ Fiji
FI Finland
FR France
GF French Guiana
PF French Polynesia
TF French Southern Territories
GA Gabon
GM Gambia
GE Georgia
DE Germany
GH Ghana
GI Gibraltar
GR Greece
GL Greenland
GD Grenada
GP Guadeloupe
GU Guam
GT Guatemala
GG Guernsey
GN Guinea
GW Guinea-Bissau
GY Guyana
HT Haiti
HM Heard & McDonald Islands
HN Honduras
HK Hong Kong SAR China
HU Hungary
IS Iceland
IN India
ID Indonesia
IQ Iraq
IE Ireland
IM Isle of Man
IL Israel
IT Italy
JM Jamaica
JP Japan
JE Jersey
JO Jordan
KZ Kazakhstan
KE Kenya
KI Kiribati
XK Kosovo
KW Kuwait
KG Kyrgyzstan
LA Laos
LV Latvia
LB Lebanon
LS Lesotho
LR Liberia
LY Libya
LI Liechtenstein
LT Lithuania
LU Luxembourg
MO Macao SAR China
MG Madagascar
MW Malawi
MY Malaysia
MV Maldives
ML Mali
MT Malta
MH Marshall Islands
MQ Martinique
MR Mauritania
MU Mauritius
YT Mayotte
MX Mexico
FM Micronesia
MD Moldova
MC Monaco
MN Mongolia
ME Montenegro
MS Montserrat
MA Morocco
MZ Mozambique
MM Myanmar (Burma)
NA Namibia
NR Nauru
NP Nepal
NL Netherlands
NC New Caledonia
NZ New Zealand
NI Nicaragua
NE Niger
NG Nigeria
NU Niue
NF Norfolk Island
MK North Macedonia
MP Northern Mariana Islands
NO Norway
OM Oman
PK Pakistan
PW Palau
PS Palestinian Territories
PA Panama
PG Papua New Guinea
PY Paraguay
PE Peru
PH Philippines
PN Pitcairn Islands
PL Poland
PT Portugal
PR Puerto Rico
QA Qatar
RO Romania
RU Russia
RW Rwanda
RE Réunion
WS Samoa
SM San Marino
SA Saudi Arabia
SN Senegal
RS Serbia
SC Seychelles
SL Sierra Leone
SG Singapore
SX Sint Maarten
SK Slovakia
SI Slovenia
SB Solomon Islands
SO Somalia
ZA South Africa
GS South Georgia & South Sandwich Islands
KR South Korea
SS South Sudan
ES Spain
LK Sri Lanka
BL St. Barthélemy
SH St. Helena
KN St. Kitts & Nevis
LC St. Lucia
MF St. Martin
PM St. Pierre & Miquelon
VC St. Vincent & Grenadines
SD Sudan
SR Suriname
SJ Svalbard & Jan Mayen
SE Sweden
CH Switzerland
ST São Tomé & Príncipe
TW Taiwan
TJ Tajikistan
TZ Tanzania
TH Thailand
TL Timor-Leste
TG Togo
TK Tokelau
TO Tonga
TT Trinidad & Tobago
TN Tunisia
TM Turkmenistan
TC Turks & Caicos Islands
TV Tuvalu
TR Türkiye
UM U.S. Outlying Islands
VI U.S. Virgin Islands
UG Uganda
UA Ukraine
AE United Arab Emirates
GB United Kingdom
US United States
UY Uruguay
UZ Uzbekistan
VU Vanuatu
VA Vatican City
VE Venezuela
VN Vietnam
WF Wallis & Futuna
EH Western Sahara
YE Yemen
ZM Zambia
ZW Zimbabwe
"""

#: The name of each country, by its code (ISO 3166-1).
NAMES = {row[:2]: row[3:] for row in _NAMES.strip().splitlines()}

#: The European Union, whose VAT numbers are of one type.
EU = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split()  # noqa: SIM905
)

#: What a VAT number begins with, where that is not the country's code.
VAT_PREFIX = {"GR": "EL"}

#: Northern Ireland trades goods within the Union: its numbers are of the Union's type.
NORTHERN_IRELAND = "XI"

_TAX_IDS = """
AE ae_trn AU au_abn BR br_cnpj CA ca_gst_hst CH ch_vat CL cl_tin CN cn_tin GB gb_vat GE ge_vat HK
hk_br ID id_npwp IL il_vat IN in_gst IS is_vat JP jp_trn KE ke_pin KR kr_brn LI li_uid MX mx_rfc MY
my_sst NO no_vat NZ nz_gst PE pe_ruc PH ph_tin SA sa_vat SG sg_gst TH th_vat TR tr_tin TW tw_vat UA
ua_vat US us_ein ZA za_vat
"""

#: The type of the tax id that a company in each country has, beside those of the Union.
TAX_IDS = dict(zip(_TAX_IDS.split()[::2], _TAX_IDS.split()[1::2], strict=True))

_EURO = "AT BE BG CY DE EE ES FI FR GR HR IE IT LT LU LV MT NL PT SI SK AD MC ME SM VA XK"
_CURRENCIES = """
AE aed AU aud BR brl CA cad CH chf CL clp CN cny CZ czk DK dkk GB gbp HK hkd HU huf ID idr IL ils IN inr
IS isk JP jpy KR krw KW kwd LI chf MX mxn MY myr NO nok NZ nzd PE pen PH php PL pln RO ron SA sar SE sek
SG sgd TH thb TR try TW twd UA uah US usd VN vnd ZA zar
"""

#: What is paid with in a country, where somebody may sell in it.
CURRENCIES = dict.fromkeys(_EURO.split(), "eur") | dict(
    zip(_CURRENCIES.split()[::2], _CURRENCIES.split()[1::2], strict=True)
)


def tax_id_of(country: str, written: str) -> tuple[str | None, str]:
    """The type of a tax id of a company in ``country``, and its number as Stripe takes it.

    A number of the Union that is written without its country gets it. The type is ``None`` where Stripe has
    none: then the number is printed as it is written.
    """
    number = "".join(letter for letter in written.upper() if letter.isalnum())
    if number.startswith(NORTHERN_IRELAND) and country == "GB":
        return "eu_vat", number
    prefix = VAT_PREFIX.get(country, country)
    if country in EU:
        return "eu_vat", number if number.startswith(prefix) else prefix + number
    kind = TAX_IDS.get(country)
    if kind == "gb_vat" and not number.startswith("GB"):
        number = "GB" + number
    return kind, number if kind else written
