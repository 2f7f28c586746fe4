"""What a subscription does as time goes: it starts, renews, and ends; its states follow from its invoices.

Imports ``billing/credit_notes`` and what lies below it.
"""
