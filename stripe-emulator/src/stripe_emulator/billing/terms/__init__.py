"""What a subscription is about: its items, and the terms that its form asks for.

Imports ``billing/metering`` and what lies below it.
"""
