"""What everything stands on: errors, ids, money, the wire. The store and time are folders above these files.

Imports nothing else of the package.
"""
