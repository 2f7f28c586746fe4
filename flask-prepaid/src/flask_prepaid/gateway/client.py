"""``Gateway``: Stripe for one app, topic by topic. Its answers are plain values; its errors are ours."""

from __future__ import annotations

from typing import Any

import stripe

from ..config import Config
from ..errors import ConfigError
from . import timeouts
from .account import Account
from .ask_limit import AskLimit
from .billing.billing_details import Billing
from .billing.invoice_charges import InvoiceCharges
from .billing.invoices import Invoices
from .billing.plan_pages import PlanPages
from .billing.prices import Prices
from .billing.schedules import Schedules
from .billing.subscriptions import Subscriptions
from .customers import Customers
from .events import Events
from .money_back.credit_notes import CreditNotes
from .money_back.disputes import Disputes
from .money_back.fraud_warnings import FraudWarnings
from .money_back.refunds import Refunds
from .payments.cards import Cards
from .payments.charges import Charges
from .payments.checkout import CheckoutPages
from .version import API_VERSION

NETWORK_RETRIES = 2

#: A call may take as long as so many attempts that time out, with all its repeats and waits.
PATIENCE = 2


class Gateway:
    """Stripe, for one app.

    :param http_client: In place of the SDK's own.
    :raises ConfigError: It is no client of the SDK's.
    """

    def __init__(self, config: Config, http_client: Any = None) -> None:
        if http_client is not None and not isinstance(http_client, stripe.HTTPClient):
            raise ConfigError(
                f"Prepaid(http_client=...) is {http_client!r}. Give it a stripe.HTTPClient, such as "
                "stripe_emulator.http_client()."
            )
        attempt_s = config.stripe_timeout.total_seconds()
        session = timeouts.Session(attempt_s=attempt_s, call_s=PATIENCE * attempt_s)
        client = stripe.StripeClient(
            config.stripe_secret_key,
            stripe_version=API_VERSION,
            base_addresses={"api": config.api_base} if config.api_base else None,
            max_network_retries=NETWORK_RETRIES,
            http_client=http_client or stripe.RequestsClient(session=session),
        )
        self.ask_limit = AskLimit(config.asks_per_minute)
        self.account = Account(client, config)
        self.invoice_charges = InvoiceCharges(client, config)
        self.billing_details = Billing(client, config)
        self.cards = Cards(client, config)
        self.charges = Charges(client, config)
        self.checkout = CheckoutPages(client, config)
        self.credit_notes = CreditNotes(client, config)
        self.customers = Customers(client, config)
        self.disputes = Disputes(client, config)
        self.events = Events(client, config)
        self.fraud_warnings = FraudWarnings(client, config)
        self.invoices = Invoices(client, config)
        self.plan_pages = PlanPages(client, config)
        self.prices = Prices(client, config)
        self.refunds = Refunds(client, config)
        self.schedules = Schedules(client, config)
        self.subscriptions = Subscriptions(client, config)
