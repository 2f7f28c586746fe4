"""How often somebody may ask, and where that is counted.

Imports nothing of the shop.
"""
