"""The test cards, and what the bank answers to each.

Imports ``payments/files`` and what lies below it.
"""
