"""How often somebody may ask, and where that is counted.

May import errors only.
"""
