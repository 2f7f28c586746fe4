"""By which names a browser may ask for the dashboard and the controls.

A page elsewhere can have its own name lead to this machine (DNS rebinding). Its scripts are then of the same
origin as the dashboard: only the name in ``Host`` tells them apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

from flask import Response, current_app, request
from flask.typing import ResponseReturnValue

from stripe_emulator.pages.account import storage

#: Where the app keeps the names that it was given.
GIVEN = "stripe_emulator_hosts"


def refuse_strange() -> ResponseReturnValue | None:
    """Refuse a request by a name that nobody here has given."""
    name = _name(f"//{request.host}")
    given = {_name(storage().base_url), *current_app.extensions[GIVEN]}
    if name in given or _is_local(name) or (_listens_everywhere(given) and _is_of_the_network(name)):
        return None
    return Response(
        "The dashboard is not served under this name. Open it as http://127.0.0.1, or start "
        "stripe-emulator with --allow-host and the name.\n",
        403,
        mimetype="text/plain",
    )


def _name(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").removesuffix(".")
    except ValueError:  # such as brackets that don't close
        return ""


def _is_local(name: str) -> bool:
    address = _address(name)
    return name == "localhost" or name.endswith(".localhost") or (address is not None and address.is_loopback)


def _is_of_the_network(name: str) -> bool:
    """An address, or a name such as a container's: no page elsewhere has either."""
    return bool(name) and ("." not in name or _address(name) is not None)


def _listens_everywhere(given: Iterable[str]) -> bool:
    return any(address.is_unspecified for name in given if (address := _address(name)) is not None)


def _address(name: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(name)
    except ValueError:
        return None
