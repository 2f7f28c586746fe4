"""What the contract is read from: the SDK, Stripe's specification, and what came later than either.

Imports ``core/time`` and what lies below it.
"""
