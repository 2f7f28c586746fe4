"""Spends that commit by themselves, many in one transaction.

Imports ``books``, ``checks``, ``clock``, ``database``, ``errors``, ``slots``.
"""
