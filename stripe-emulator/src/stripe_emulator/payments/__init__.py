"""Money in and money back. ``account`` is at the bottom of its folders, ``intents`` on top.

Imports ``payments/intents`` and what lies below it.
"""
