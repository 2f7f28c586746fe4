"""Stripe on a laptop: API, hosted pages, webhooks and clock."""
