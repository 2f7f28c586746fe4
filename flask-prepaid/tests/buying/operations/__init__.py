"""Webhooks, the tick, and the comparison with Stripe."""
