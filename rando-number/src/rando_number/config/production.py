"""What is unsafe where money is real. Each finding is a sentence that begins with the setting's name."""

from __future__ import annotations

from collections.abc import Mapping

from .values import is_address

#: Secrets from examples, which everybody knows.
WELL_KNOWN = {"mysecret", "secret", "secret_key", "changeme", "change-me", "dev", "comingsoon"}

#: A secret by chance has 32 characters, and of them at least so many different ones.
MIN_SECRET = 32
MIN_DIFFERENT = 10

#: Secrets that a shop makes by itself elsewhere: what is lost with one, and the file that it is in.
KEPT = {
    "RANDO_TOTP_SECRET": (
        "with another one nobody's one-time codes are right, and each mailbox gets its free credits again",
        "totp-secret",
    ),
    "SECURITY_PASSWORD_SALT": ("with another one no link of a mail opens", "password-salt"),
}

#: What Stripe's secrets of webhooks begin with; 32 characters by chance or more follow.
WEBHOOK_SECRET = "whsec_"


def unsafe(environ: Mapping[str, str]) -> list[str]:
    """What is unsafe about these settings, a sentence for each."""
    key = environ.get("STRIPE_SECRET_KEY", "")
    checks = {
        "SECRET_KEY must be a secret of your own, 32 characters by chance or more.": is_guessed(
            environ.get("SECRET_KEY", "")
        ),
        "SECRET_KEY_BEFORE must be a secret of your own, 32 characters by chance or more, or be left out.": (
            bool(environ.get("SECRET_KEY_BEFORE")) and is_guessed(environ["SECRET_KEY_BEFORE"])
        ),
        **{
            f"{name} must be a secret of your own, 32 characters by chance or more, the same on each machine "
            f"and after each installation: {lost}. One that was made by itself lies in the file {file} of "
            "the data folder.": is_guessed(environ.get(name, ""))
            for name, (lost, file) in KEPT.items()
        },
        "STRIPE_SECRET_KEY must be a live key of Stripe's; the emulator and test keys take no money.": not (
            key.startswith(("sk_live_", "rk_live_"))
        ),
        "STRIPE_PUBLISHABLE_KEY must be the live key that goes with it.": not environ.get(
            "STRIPE_PUBLISHABLE_KEY", ""
        ).startswith("pk_live_"),
        "STRIPE_API_BASE must not be set: it leads to the emulator.": bool(environ.get("STRIPE_API_BASE")),
        "STRIPE_WEBHOOK_SECRET must be the one that Stripe gave for your webhook, whsec_...: without it "
        "nobody can tell Stripe's events from forged ones.": not are_webhook_secrets(
            environ.get("STRIPE_WEBHOOK_SECRET", "")
        ),
        "RANDO_METRICS_TOKEN must be a secret, 32 characters by chance or more, or be left out.": (
            bool(environ.get("RANDO_METRICS_TOKEN")) and is_guessed(environ["RANDO_METRICS_TOKEN"])
        ),
        "RATELIMIT_ENABLED must not be 0: limits keep card testers and password guessers out.": (
            environ.get("RATELIMIT_ENABLED") == "0"
        ),
        "FLASK_DEBUG must not be set: a debugger runs what a stranger types.": (
            environ.get("FLASK_DEBUG", "0").lower() not in ("", "0", "false", "no")
        ),
        "RANDO_BASE_URL must be the https address that customers see, such as https://shop.example.": (
            not is_address(environ.get("RANDO_BASE_URL", ""), {"https"})
        ),
        "RANDO_SELLER must say who sells, a person or company, for the pages of contact and terms.": (
            not environ.get("RANDO_SELLER", "").strip()
        ),
        "RANDO_CONTACT must be the mail address that customers write to, such as help@shop.example.": (
            not environ.get("RANDO_CONTACT", "").strip()
        ),
    }
    return [sentence for sentence, broken in checks.items() if broken]


def is_guessed(secret: str) -> bool:
    """Whether a secret is short, well known, or has few different characters."""
    return len(secret) < MIN_SECRET or len(set(secret)) < MIN_DIFFERENT or secret.lower() in WELL_KNOWN


def are_webhook_secrets(written: str) -> bool:
    """Whether each of the comma-separated secrets can be one of Stripe's."""
    secrets = [secret.strip() for secret in written.split(",")]
    return all(
        secret.startswith(WEBHOOK_SECRET) and not is_guessed(secret.removeprefix(WEBHOOK_SECRET))
        for secret in secrets
    )
