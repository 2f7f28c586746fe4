"""Spends that commit by themselves, many in one transaction.

Imports ``books``, ``clock``, ``database``, ``errors``, ``slots``.
"""
