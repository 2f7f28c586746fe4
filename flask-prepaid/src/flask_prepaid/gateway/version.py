"""Which version of Stripe's API is spoken here, and which one the installed SDK was made for."""

from __future__ import annotations

import stripe

API_VERSION = "2026-10-28.endive"

SDK_VERSION = stripe.api_version
