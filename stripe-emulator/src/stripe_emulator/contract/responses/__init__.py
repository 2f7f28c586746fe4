"""Whether an object has the shape that Stripe answers with, and a blank of each.

Imports ``contract/sources`` and what lies below it.
"""
