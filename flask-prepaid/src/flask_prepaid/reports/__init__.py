"""What an operator and an accountant want to know: read from our own tables, never from Stripe."""
