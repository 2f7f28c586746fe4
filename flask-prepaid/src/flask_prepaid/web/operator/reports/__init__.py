"""Reports as an operator's pages: the period, the tables, and the charts. Part of ``web/operator``."""
