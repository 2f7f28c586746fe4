"""The operator's pages: sales, customers, payments, plans and the health of the shop."""
