"""Subscription schedules: what a subscription becomes, and when.

Imports ``billing/subscriptions`` and what lies below it.
"""
