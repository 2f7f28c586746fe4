"""The customer portal, and a flow of it that leads to one thing to do.

Imports ``pages/checkout`` and what lies below it.
"""
