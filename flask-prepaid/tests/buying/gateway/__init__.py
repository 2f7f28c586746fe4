"""Stripe and the network at their worst: the gateway."""
