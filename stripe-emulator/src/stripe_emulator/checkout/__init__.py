"""What is sold line by line: Checkout Sessions with their modes, payment links, and quotes; no page.

Imports ``billing`` and what lies below it.
"""
