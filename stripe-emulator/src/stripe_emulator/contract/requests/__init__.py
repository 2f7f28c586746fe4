"""What a request may say, and how its text becomes typed values.

Imports ``contract/responses`` and what lies below it.
"""
