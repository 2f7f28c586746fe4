"""The one door to Stripe. Knows no table. Imports ``config`` and ``errors``."""
