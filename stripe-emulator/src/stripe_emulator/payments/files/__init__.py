"""Files that are uploaded, and links to them.

Imports ``payments/balance`` and what lies below it.
"""
