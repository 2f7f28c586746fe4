"""Refunds, disputes, fraud warnings and credit notes, as Stripe has them. Part of ``gateway``."""
