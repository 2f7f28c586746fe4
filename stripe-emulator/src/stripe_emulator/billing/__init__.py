"""Subscriptions and invoices: how they come about, what falls due, their routes.

Imports ``payments`` and what lies below it.
"""
