"""What every page stands on: whose account it shows, its host, and how it writes amounts and times.

Imports ``controls`` and what lies below it.
"""
