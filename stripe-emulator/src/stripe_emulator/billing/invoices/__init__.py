"""Invoices, from the items that wait for one to the money that pays it.

Imports ``billing/terms`` and what lies below it.
"""
