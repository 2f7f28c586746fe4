"""The one door to Stripe. Knows no table. Imports ``config``, ``errors`` and ``languages``."""
