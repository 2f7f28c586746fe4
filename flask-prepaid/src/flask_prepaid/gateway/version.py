"""Which version of Stripe's API is spoken here, from which major on the SDK can, and where it is."""

from __future__ import annotations

import stripe

API_VERSION = "2026-10-28.endive"

#: The oldest major of the SDK that the tests run on. Each sends the version above, whichever it was made for.
MIN_SDK_MAJOR = 15

SDK_VERSION = stripe.VERSION
SDK_MAJOR = int(SDK_VERSION.partition(".")[0])
