"""Payments and customers: rows committed before Stripe is asked. Imports the gateway."""
