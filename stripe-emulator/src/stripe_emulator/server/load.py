"""What the emulator consists of: each file that answers requests or does due work, floor by floor.

Nothing is served because somebody imported it: a register counts once it is opened here, and a
turn in an object's life leads to what stands here.
"""

from __future__ import annotations

from functools import cache

from stripe_emulator.api.register import Register
from stripe_emulator.billing.credit_notes import credit_notes, customer_balance_transactions
from stripe_emulator.billing.invoices import (
    collection,
    invoice_payments,
    invoice_routes,
    invoiceitems,
    invoices,
    line_routes,
)
from stripe_emulator.billing.lifecycle import cycle, entitlements, states, test_clocks, trials_without_card
from stripe_emulator.billing.metering import credit_balance, credit_grants, meter_events, meters
from stripe_emulator.billing.portal import billing_portal
from stripe_emulator.billing.previews import preview_routes
from stripe_emulator.billing.schedules import phases, subscription_schedules
from stripe_emulator.billing.subscriptions import (
    pauses,
    pending_updates,
    subscription_items,
    subscription_routes,
)
from stripe_emulator.catalog import (
    features,
    plans,
    prices,
    pricing,
    products,
    shipping_rates,
    tax_codes,
    tax_rates,
)
from stripe_emulator.catalog.discounts import coupons, promotion_codes
from stripe_emulator.checkout.completion import completion
from stripe_emulator.checkout.modes import payment_mode, setup_mode, subscription_mode
from stripe_emulator.checkout.quotes import quotes
from stripe_emulator.checkout.sessions import payment_links, payment_pages, sessions
from stripe_emulator.checkout.tax import tax_calculations, tax_settings, tax_transactions
from stripe_emulator.events import (
    cli_sessions,
    core_events,
    event_destinations,
    event_routes,
    webhook_endpoints,
)
from stripe_emulator.payments.account import account, country_specs, exchange_rates
from stripe_emulator.payments.balance import balance, balance_transactions, payouts, topups
from stripe_emulator.payments.confirming import charges, confirmation, setup_confirmation
from stripe_emulator.payments.customers import (
    cash_balances,
    customer_sessions,
    customer_tax,
    customers,
    ephemeral_keys,
    tax_ids,
)
from stripe_emulator.payments.files import file_links, files
from stripe_emulator.payments.intents import direct_charges, increments, payment_intents, setup_intents
from stripe_emulator.payments.methods import (
    confirmation_tokens,
    mandates,
    payment_method_configurations,
    payment_method_domains,
    payment_methods,
)
from stripe_emulator.payments.money_back import (
    dispute_states,
    disputes,
    early_fraud_warnings,
    refunds,
    reviews,
)
from stripe_emulator.payments.sources import card_sources, tokens
from stripe_emulator.server import empty_lists

REGISTERS: tuple[Register, ...] = (
    # events
    event_routes.register,
    core_events.register,
    cli_sessions.register,
    webhook_endpoints.register,
    event_destinations.register,
    # catalog
    products.register,
    prices.register,
    plans.register,
    features.register,
    shipping_rates.register,
    tax_rates.register,
    tax_codes.register,
    coupons.register,
    promotion_codes.register,
    # payments/account
    account.register,
    country_specs.register,
    exchange_rates.register,
    # payments/balance
    balance_transactions.register,
    balance.register,
    payouts.register,
    topups.register,
    # payments/files
    files.register,
    file_links.register,
    # payments/methods
    mandates.register,
    payment_methods.register,
    payment_method_configurations.register,
    payment_method_domains.register,
    confirmation_tokens.register,
    # payments/sources
    tokens.register,
    card_sources.register,
    # payments/customers
    customers.register,
    customer_tax.register,
    tax_ids.register,
    cash_balances.register,
    ephemeral_keys.register,
    customer_sessions.register,
    # payments/money_back
    refunds.register,
    disputes.register,
    dispute_states.register,
    early_fraud_warnings.register,
    reviews.register,
    # payments/confirming
    charges.register,
    confirmation.register,
    # payments/intents
    direct_charges.register,
    payment_intents.register,
    increments.register,
    setup_intents.register,
    # billing/metering
    meters.register,
    meter_events.register,
    credit_grants.register,
    credit_balance.register,
    # billing/invoices
    invoices.register,
    collection.register,
    invoice_routes.register,
    invoiceitems.register,
    line_routes.register,
    invoice_payments.register,
    # billing/credit_notes
    credit_notes.register,
    customer_balance_transactions.register,
    # billing/lifecycle
    entitlements.register,
    states.register,
    cycle.register,
    test_clocks.register,
    # billing/subscriptions
    pending_updates.register,
    pauses.register,
    subscription_routes.register,
    subscription_items.register,
    # billing/schedules
    phases.register,
    subscription_schedules.register,
    # billing/previews
    preview_routes.register,
    # billing/portal
    billing_portal.register,
    # checkout/tax
    tax_settings.register,
    tax_calculations.register,
    tax_transactions.register,
    # checkout/quotes
    quotes.register,
    # checkout/completion
    completion.register,
    # checkout/sessions
    sessions.register,
    payment_links.register,
    payment_pages.register,
)


@cache
def load() -> None:
    """Open every register and say what leads to what, once in a process."""
    for register in REGISTERS:
        register.open()
    empty_lists.open_lists()
    connect()


def connect() -> None:
    """Name what follows a turn on a lower floor, in this order, and who owns a payment.

    A subscription's first payment ends its Checkout Session before a pending update or a pause
    of it is looked at.
    """
    products.archived.leads_to(payment_links.close_those_of_product)
    pricing.archived.leads_to(payment_links.close_those_of_price)
    customers.before_removal.leads_to(states.end_all_of, phases.call_off_all_of)
    invoices.after_paid.leads_to(
        states.invoice_paid, subscription_mode.invoice_paid, pending_updates.invoice_paid, pauses.invoice_paid
    )
    invoices.after_given_up.leads_to(states.invoice_given_up, pending_updates.invoice_given_up)
    invoices.after_overdue.leads_to(states.invoice_overdue)
    collection.after_failure.leads_to(states.payment_failed)
    cycle.before_renewal.leads_to(phases.enter_due)
    states.after_end.leads_to(phases.subscription_ended)
    confirmation.OWNERS.are({"invoice": collection.OWNER, completion.KIND: payment_mode.OWNER})
    setup_confirmation.OWNERS.are(
        {
            "subscription": trials_without_card.OWNER,
            completion.KIND: setup_mode.OWNER,
            subscription_mode.TRIAL: subscription_mode.TRIAL_OWNER,
        }
    )
