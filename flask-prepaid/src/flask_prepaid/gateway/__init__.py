"""The one door to Stripe. It knows no table; it imports configuration and errors."""
