"""The customer portal as programs see it: what it offers, and links that lead in.

Imports ``billing/previews`` and what lies below it.
"""
