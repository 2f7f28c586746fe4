"""Spends that commit by themselves, many in one transaction. Imports the books."""
