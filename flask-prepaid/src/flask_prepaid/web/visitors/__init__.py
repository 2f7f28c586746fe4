"""Who a request comes from: the caller, their team, their language, and their address. Part of ``web``."""
