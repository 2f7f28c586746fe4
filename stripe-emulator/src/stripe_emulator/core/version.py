"""The version of Stripe's API that the installed SDK pins, and that the emulator speaks."""

import stripe

API_VERSION: str = stripe.api_version
