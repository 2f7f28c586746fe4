"""Spends that commit by themselves, many in one transaction.

Imports ``books``, ``books/wallets``, ``checks``, ``clock``, ``database``.
"""
