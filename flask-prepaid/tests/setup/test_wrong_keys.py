"""The keys of Stripe are not what they should be: the app does not start, and no key is printed.

Each row is one way: what was written, and what the sentence says of it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from flask_prepaid.errors import ConfigError

from .host import app_with, start

LIVE_KEYS = {
    "PREPAID_STRIPE_SECRET_KEY": "sk_live_shop",
    "PREPAID_STRIPE_PUBLISHABLE_KEY": "pk_live_shop",
    "PREPAID_STRIPE_WEBHOOK_SECRET": "whsec_shop",
}

#: The setting without ``PREPAID_``, what stands there, and what is said of it.
KEYS: list[tuple[str, object, str]] = [
    ("STRIPE_KEY", "sk_test_shop", "There is no setting PREPAID_STRIPE_KEY"),
    ("STRIPE_SECRET_KEY", "pk_test_shop", "it is a publishable key, pk_test_..."),
    ("STRIPE_SECRET_KEY", "sk_test_...", "was copied in part"),
    ("STRIPE_SECRET_KEY", "my key", "PREPAID_STRIPE_SECRET_KEY does not begin with sk_ or rk_"),
    ("STRIPE_SECRET_KEY", 17, "PREPAID_STRIPE_SECRET_KEY does not begin with sk_ or rk_"),
    ("STRIPE_SECRET_KEY", "", "PREPAID_STRIPE_SECRET_KEY is not set"),
    ("STRIPE_PUBLISHABLE_KEY", "sk_test_shop", "it is a secret key, sk_test_..."),
    ("STRIPE_PUBLISHABLE_KEY", "rk_test_shop", "it is a restricted key"),
    ("STRIPE_PUBLISHABLE_KEY", "whsec_shop", "it is the secret of a webhook"),
    ("STRIPE_PUBLISHABLE_KEY", "pk_live_shop", "are not of one mode: one is live, one for tests"),
    ("STRIPE_WEBHOOK_SECRET", "sk_test_shop", "PREPAID_STRIPE_WEBHOOK_SECRET does not begin with whsec_"),
    ("STRIPE_WEBHOOK_SECRET", "secret", "PREPAID_STRIPE_WEBHOOK_SECRET does not begin with whsec_. `flask "),
    ("STRIPE_WEBHOOK_SECRET", "whsec_good, we_1Nk", "it is the id of a webhook"),
    ("STRIPE_WEBHOOK_SECRET", ",", "holds only commas"),
    ("STRIPE_WEBHOOK_SECRET", "whsec_a b", "has a blank"),
    ("STRIPE_WEBHOOK_SECRET", 5, "is no text"),
    ("STRIPE_WEBHOOK_SECRET", "whsec_a,whsec_b,whsec_c", "holds 3 secrets. Write the one that counts"),
    ("STRIPE_PUBLISHABLE_KEY", "pk_test_emulator", "is the emulator's key, and the other one is not"),
    ("STRIPE_SECRET_KEY", "sk_test_emulator", "is the emulator's key, and the other one is not"),
]


@pytest.mark.parametrize(("name", "value", "sentence"), KEYS)
def test_a_wrong_key_stops_the_app_at_start_and_is_not_printed(
    tmp_path: Path, name: str, value: object, sentence: str
) -> None:
    app = app_with(tmp_path, **{f"PREPAID_{name}": value})

    with pytest.raises(ConfigError) as refused:
        start(app)

    assert sentence in refused.value.message
    assert "prepaid" not in app.extensions
    assert "KEY" not in name or not value or str(value) not in refused.value.message.split()


def test_a_live_key_goes_to_stripe_alone(tmp_path: Path) -> None:
    app = app_with(tmp_path, **LIVE_KEYS, PREPAID_STRIPE_API_BASE="http://127.0.0.1:9")

    with pytest.raises(ConfigError, match=r"sends a live key to http://127\.0\.0\.1:9"):
        start(app)


def test_a_key_without_our_prefix_is_named(tmp_path: Path) -> None:
    app = app_with(tmp_path, PREPAID_STRIPE_SECRET_KEY=None, STRIPE_SECRET_KEY="sk_test_shop")

    with pytest.raises(ConfigError, match="Name it PREPAID_STRIPE_SECRET_KEY"):
        start(app)


def test_the_emulators_keys_are_not_sent_to_stripe_nor_mixed_with_real_ones(tmp_path: Path) -> None:
    emulated = {
        "PREPAID_STRIPE_SECRET_KEY": "sk_test_emulator",
        "PREPAID_STRIPE_PUBLISHABLE_KEY": "pk_test_emulator",
    }
    with pytest.raises(ConfigError, match="is the emulator's key, and would be sent to Stripe"):
        start(app_with(tmp_path, **emulated))
    start(app_with(tmp_path, **emulated, PREPAID_STRIPE_API_BASE="http://127.0.0.1:12111"))

    half = app_with(tmp_path, TESTING=True, PREPAID_STRIPE_SECRET_KEY=None)
    with pytest.raises(ConfigError, match="PUBLISHABLE_KEY is set, and PREPAID_STRIPE_SECRET_KEY is not"):
        start(half)
