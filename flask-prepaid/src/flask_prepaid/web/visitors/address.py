"""Where a customer's browser is, for the limits against card testers."""

from __future__ import annotations

import ipaddress

from flask import has_request_context, request


def client_address() -> str | None:
    """Where this request comes from: the address, or of IPv6 the network that one customer has.

    Behind a proxy it is the proxy's, unless the host's ProxyFix says whom that speaks for.
    """
    text = request.remote_addr if has_request_context() else None
    try:
        address = ipaddress.ip_address(text or "")
    except ValueError:
        return None
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else str(address)
