"""Ids that look like Stripe's: a prefix that names the kind, then letters and digits."""

from __future__ import annotations

import os
import secrets
import string
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from random import Random

ALPHABET = string.ascii_letters + string.digits

#: Object name -> how its ids begin, and how many characters follow.
PREFIXES: dict[str, tuple[str, int]] = {
    "balance_transaction": ("txn_3", 23),
    "billing.credit_balance_transaction": ("cbtxn_test_61", 26),
    "billing.credit_grant": ("credgr_test_61", 26),
    "billing.meter": ("mtr_test_61", 26),
    "billing_portal.configuration": ("bpc_1", 23),
    "billing_portal.session": ("bps_1", 23),
    "card": ("card_1", 23),
    "charge": ("ch_3", 23),
    "checkout.session": ("cs_test_a1", 56),
    "confirmation_token": ("ctoken_1", 23),
    "coupon": ("", 8),
    "credit_note": ("cn_1", 23),
    "credit_note_line_item": ("cnli_1", 23),
    "customer": ("cus_", 14),
    "customer_balance_transaction": ("cbtxn_1", 23),
    "discount": ("di_1", 23),
    "dispute": ("dp_1", 23),
    "entitlements.active_entitlement": ("ent_test_61", 26),
    "entitlements.feature": ("feat_test_61", 26),
    "ephemeral_key": ("ephkey_1", 23),
    "event": ("evt_1", 23),
    "file": ("file_1", 23),
    "file_link": ("link_1", 23),
    "invoice": ("in_1", 23),
    "invoice_payment": ("inpay_1", 23),
    "invoiceitem": ("ii_1", 23),
    "item": ("li_1", 23),
    "line_item": ("il_1", 23),
    "mandate": ("mandate_1", 23),
    "payment_intent": ("pi_3", 23),
    "payment_link": ("plink_1", 23),
    "payment_method": ("pm_1", 23),
    "payment_method_configuration": ("pmc_1", 23),
    "payment_method_domain": ("pmd_1", 23),
    "payout": ("po_1", 23),
    "price": ("price_1", 23),
    "product": ("prod_", 14),
    "product_feature": ("prodft_test_61", 26),
    "promotion_code": ("promo_1", 23),
    "quote": ("qt_1", 23),
    "radar.early_fraud_warning": ("issfr_1", 23),
    "refund": ("re_3", 23),
    "request": ("req_", 14),
    "review": ("prv_1", 23),
    "setup_attempt": ("setatt_1", 23),
    "setup_intent": ("seti_1", 23),
    "shipping_rate": ("shr_1", 23),
    "subscription": ("sub_1", 23),
    "subscription_item": ("si_", 14),
    "subscription_schedule": ("sub_sched_1", 23),
    "tax.calculation": ("taxcalc_1", 23),
    "tax.calculation_line_item": ("tax_li_", 14),
    "tax.transaction": ("tax_1", 23),
    "tax.transaction_line_item": ("tax_li_", 14),
    "tax_id": ("txi_1", 23),
    "tax_rate": ("txr_1", 23),
    "test_helpers.test_clock": ("clock_1", 23),
    "token": ("tok_1", 23),
    "topup": ("tu_1", 23),
    "v2.core.event_destination": ("ed_test_61", 26),
    "webhook_endpoint": ("we_1", 23),
}


def token(length: int) -> str:
    """Unguessable letters and digits, or those that follow from a seed."""
    if length > AT_ONCE or _source.get() is not None:
        return _drawn(_LETTERS_AND_DIGITS, length)
    try:
        return _tokens.popleft()[:length]
    except IndexError:  # drawn many at a time: asking the system costs more than the letters
        drawn = _drawn(_LETTERS_AND_DIGITS, 64 * AT_ONCE)
        _tokens.extend(drawn[start : start + AT_ONCE] for start in range(0, len(drawn), AT_ONCE))
        return _drawn(_LETTERS_AND_DIGITS, length)


#: Tokens of this length that nobody has been given yet; a process that forks off draws its own.
AT_ONCE = 32
_tokens: deque[str] = deque()
if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_tokens.clear)


def digits(length: int) -> str:
    """Digits that nobody can guess, or those that follow from a seed."""
    return _drawn(_DIGITS, length)


def _signs(signs: str) -> tuple[bytes, bytes]:
    """Byte -> sign, and the bytes that stand for none, so that each sign is as likely as any other."""
    even = 256 - 256 % len(signs)
    return bytes(ord(signs[byte % len(signs)]) for byte in range(256)), bytes(range(even, 256))


_LETTERS_AND_DIGITS, _DIGITS = _signs(ALPHABET), _signs(string.digits)


def _drawn(signs: tuple[bytes, bytes], length: int) -> str:
    source, drawn = _source.get(), b""
    while len(drawn) < length:
        some = secrets.token_bytes(length + 8) if source is None else source.randbytes(length + 8)
        drawn += some.translate(*signs)
    return drawn[:length].decode()


_source: ContextVar[Random | None] = ContextVar("stripe_emulator_source_of_ids", default=None)


@contextmanager
def drawn_from(source: Random | None) -> Iterator[None]:
    """Within the block, draw ids from a source that can be repeated; None draws unguessable ones."""
    mark = _source.set(source)
    try:
        yield
    finally:
        _source.reset(mark)


_chosen: ContextVar[dict[str, str]] = ContextVar("stripe_emulator_chosen_ids", default={})  # noqa: B039


@contextmanager
def chosen(kind: str, object_id: str | None) -> Iterator[None]:
    """Within the block, objects of ``kind`` get this id: a seed's own choice."""
    mark = _chosen.set({kind: object_id} if object_id else {})
    try:
        yield
    finally:
        _chosen.reset(mark)


def new(kind: str) -> str:
    """A fresh id for an object of ``kind``, such as ``pi_3Qm...``."""
    if kind in _chosen.get():
        return _chosen.get()[kind]
    prefix, length = PREFIXES[kind]
    return prefix + token(length)


def client_secret(object_id: str) -> str:
    """What a browser shows to act on one object: ``pi_..._secret_...``."""
    return f"{object_id}_secret_{token(25)}"
