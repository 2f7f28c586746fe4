"""The account's balance: what moved it, and what goes to a bank or comes from there.

Imports ``payments/account`` and what lies below it.
"""
