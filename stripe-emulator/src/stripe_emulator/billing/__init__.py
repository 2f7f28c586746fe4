"""What is billed: subscriptions and invoices, from ``metering`` at the bottom to ``portal`` on top.

Imports ``billing/portal`` and what lies below it.
"""
