"""Where a customer's browser is, for the limits against card testers."""

from __future__ import annotations

import ipaddress

from flask import has_request_context, request


def client_address() -> str | None:
    """Where this request comes from: the address, or of IPv6 the network that one customer has.

    A server that listens on ``::`` names an IPv4 client as ``::ffff:203.0.113.5``: that is one address.
    Behind a proxy it is the proxy's, unless the host's ProxyFix says whom that speaks for.
    """
    text = request.remote_addr if has_request_context() else None
    try:
        address = ipaddress.ip_address(text or "")
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        return str(address.ipv4_mapped or ipaddress.ip_network((address, 64), strict=False))
    return str(address)
