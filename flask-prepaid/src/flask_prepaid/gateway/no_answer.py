"""What to do where Stripe does not answer, for those who run the app."""

from __future__ import annotations


def advice(api_base: str | None) -> str:
    """What to do where Stripe, or what stands in for it at ``api_base``, does not answer."""
    if api_base is None:
        return "Stripe does not answer. Check the network."
    return (
        f"Stripe does not answer at {api_base}, where PREPAID_STRIPE_API_BASE sends. If that is the "
        "emulator, start it: flask --debug prepaid listen --emulator"
    )
