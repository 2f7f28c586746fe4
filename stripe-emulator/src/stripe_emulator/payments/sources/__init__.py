"""Cards as older integrations know them: tokens, and sources of a customer.

Imports ``payments/methods`` and what lies below it.
"""
