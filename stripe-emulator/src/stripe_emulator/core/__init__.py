"""What everything stands on: errors, ids, money, the wire, the store, clocks, periods, chaos.

Imports nothing else of the package.
"""
