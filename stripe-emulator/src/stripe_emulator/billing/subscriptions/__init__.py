"""What a program does to a subscription: changes, pauses, and cancels it.

Imports ``billing/lifecycle`` and what lies below it.
"""
