"""Stripe's Checkout: pages are opened, for forms and hosts' code, and found again. Part of ``purchases``."""
