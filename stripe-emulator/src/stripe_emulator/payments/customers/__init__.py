"""Customers: who they are, their tax ids, and the keys of pages that serve one of them alone.

Imports ``payments/sources`` and what lies below it.
"""
