"""Test cards and test bank accounts, and what the bank answers to each.

Imports ``payments/files`` and what lies below it.
"""
