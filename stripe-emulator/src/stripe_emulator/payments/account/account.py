"""The account itself, as its owner may see it. https://docs.stripe.com/api/accounts

There is no Connect: another account is one that the key has no access to, and none is connected.
"""

from __future__ import annotations

from stripe_emulator import contract
from stripe_emulator.api import keys, lists
from stripe_emulator.api.register import Register
from stripe_emulator.core import descriptors
from stripe_emulator.core.database import transactions
from stripe_emulator.core.database.settings import get_setting, put_setting
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.payments.account import settlement

register = Register()

#: 1 January 2020: the account is older than what is made in it.
CREATED = 1_577_836_800
EMAIL = "owner@example.com"
#: What the account is called until it is given a name, and the name of the setting that keeps it.
NAME, NAME_SETTING, NAME_LENGTH = "Test shop", "account_name", 100

#: All that Stripe wants to know of the account, it knows.
NOTHING_REQUIRED: Json = {
    "alternatives": [],
    "current_deadline": None,
    "currently_due": [],
    "disabled_reason": None,
    "errors": [],
    "eventually_due": [],
    "past_due": [],
    "pending_verification": [],
}


@register.get("/v1/account")
def retrieve_current(form: Form) -> Json:
    """https://docs.stripe.com/api/accounts/retrieve"""
    return shown()


@register.get("/v1/accounts/{account}")
def retrieve(form: Form, account: str) -> Json:
    """https://docs.stripe.com/api/accounts/retrieve; of others, nothing is said."""
    keys.check_account(account)
    return shown()


@register.get("/v1/accounts")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/accounts/list: those that are connected, so none."""
    return lists.page("account", form, url="/v1/accounts")


@register.get("/v1/accounts/{account}/external_accounts")
def list_external_accounts(form: Form, account: str) -> Json:
    """https://docs.stripe.com/api/external_accounts/list: payouts have a bank that nobody named."""
    keys.check_account(account)
    form.get("object")  # cards or bank accounts: there is neither
    return lists.slice_of([], form, url=f"/v1/accounts/{account}/external_accounts")


def name() -> str:
    """What the account is called, as its customers see it."""
    chosen: str = get_setting(NAME_SETTING, NAME)
    return chosen


def rename(wanted: str) -> None:
    """:raises InvalidRequest: It is no name: empty, or too long."""
    wanted = wanted.strip()
    if not 1 <= len(wanted) <= NAME_LENGTH or not wanted.isprintable():
        raise InvalidRequest(f"A name has 1 to {NAME_LENGTH} characters, on one line.", param="name")
    put_setting(NAME_SETTING, wanted)


def shown() -> Json:
    """The account as an object."""
    account_id = transactions.current().store.account
    return contract.blank("account") | contract.complete(
        "account",
        {
            "id": account_id,
            "business_profile": {"name": name(), "mcc": "5734", "url": "https://example.com"},
            "business_type": "company",
            "capabilities": {
                "card_payments": "active",
                "sepa_debit_payments": "active",
                "transfers": "active",
            },
            "charges_enabled": True,
            "controller": {"type": "account"},
            "country": "US",
            "created": CREATED,
            "default_currency": settlement.default(),
            "details_submitted": True,
            "email": EMAIL,
            "future_requirements": NOTHING_REQUIRED,
            "metadata": {},
            "requirements": NOTHING_REQUIRED,
            "tos_acceptance": {"date": CREATED, "ip": None, "user_agent": None},
            "external_accounts": lists.list_of([], url=f"/v1/accounts/{account_id}/external_accounts"),
            "payouts_enabled": True,
            "settings": {
                "bacs_debit_payments": {"display_name": None, "service_user_number": None},
                "card_issuing": {"tos_acceptance": {"date": None, "ip": None}},
                "invoices": {"default_account_tax_ids": None, "hosted_payment_method_save": "always"},
                "sepa_debit_payments": {},
                "branding": {"icon": None, "logo": None, "primary_color": None, "secondary_color": None},
                "card_payments": {
                    "decline_on": {"avs_failure": False, "cvc_failure": False},
                    "statement_descriptor_prefix": descriptors.PREFIX,
                    "statement_descriptor_prefix_kana": None,
                    "statement_descriptor_prefix_kanji": None,
                },
                "dashboard": {"display_name": name(), "timezone": "Etc/UTC"},
                "payments": {"statement_descriptor": descriptors.STATIC},
                "payouts": {
                    "debit_negative_balances": True,
                    "schedule": {"delay_days": 2, "interval": "daily"},
                    "statement_descriptor": None,
                },
            },
            "type": "standard",
        },
    )
