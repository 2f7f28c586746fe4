"""Where one process has several accounts: how the page that is asked for finds its own."""

from __future__ import annotations

#: Where a request's environment names the API of the account that it belongs to.
CHOSEN = "stripe_emulator.api"
#: The cookie by which a browser keeps to the account that was chosen on the dashboard.
COOKIE = "stripe_emulator_account"
