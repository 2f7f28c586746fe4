"""The routes of payment intents, setup intents, and of charges without either.

Imports ``payments/confirming`` and what lies below it.
"""
