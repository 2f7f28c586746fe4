"""What stripe.js asks: for a card in a field of its own, and for Checkout in a page of the shop's.

Imports ``pages/common`` and what lies below it.
"""
