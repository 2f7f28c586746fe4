"""Quotes: an offer that becomes a subscription or an invoice.

Imports ``checkout/lines`` and what lies below it.
"""
