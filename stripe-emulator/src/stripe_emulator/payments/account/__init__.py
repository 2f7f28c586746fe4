"""The account itself: how it is called, its country, and the currency in which its money ends up.

Imports ``catalog`` and what lies below it.
"""
