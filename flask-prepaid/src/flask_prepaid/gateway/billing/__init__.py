"""Stripe's invoices and plans: prices, subscriptions, what is billed and to whom. Part of ``gateway``."""
