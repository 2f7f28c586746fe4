"""API keys: how programs of an owner come in and spend. Made, looked up, and revoked.

Imports ``checks``, ``errors``, ``languages``, ``signals``, ``uncommitted`` and the ledger. Knows no request
and no Stripe.
"""
