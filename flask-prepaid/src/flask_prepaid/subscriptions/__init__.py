"""Plans: credits by the period. Stripe keeps the calendar and the bills; we follow, and fill the wallet."""
