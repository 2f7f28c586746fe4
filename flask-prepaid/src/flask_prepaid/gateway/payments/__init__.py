"""What is paid once at Stripe: on its pages, or by a card on file. Part of ``gateway``."""
