"""What runs by itself or by cron: events, ticks, reconciliation, setup and diagnosis. Below the pages."""
