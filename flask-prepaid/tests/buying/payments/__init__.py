"""Payment rows, and the process that dies around them."""
