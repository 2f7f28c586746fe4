"""Prepaid credits and Stripe billing for any Flask app."""
