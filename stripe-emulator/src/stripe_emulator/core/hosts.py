"""Which names are the emulator's own: those of this machine, and those that it was given.

A page elsewhere can have its own name lead to this machine (DNS rebinding). Its scripts are then of the same
origin as the dashboard: only the name in ``Host`` tells them apart.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit


def name_of(url: str) -> str:
    """The name of the host in a URL, or in an origin; empty where there is none."""
    try:
        return (urlsplit(url).hostname or "").removesuffix(".")
    except ValueError:  # such as brackets that don't close
        return ""


def is_known(name: str, given: Collection[str]) -> bool:
    """Whether a name is one of ours.

    :param given: Those beside this machine's; ``0.0.0.0`` among them is every one of its network.
    """
    return name in given or _is_local(name) or (_listens_everywhere(given) and _is_of_the_network(name))


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
