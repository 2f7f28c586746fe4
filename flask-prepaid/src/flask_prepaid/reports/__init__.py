"""Reports on sales, credits and plans. They read the domain, and write only the sums that they read."""
