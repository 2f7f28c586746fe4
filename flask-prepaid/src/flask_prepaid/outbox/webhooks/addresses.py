"""To which addresses a customer's webhook may go: public ones, by HTTPS, looked at after DNS.

A name is resolved here, every address that it has is looked at, and the connection goes to one of those that
were looked at: who changes the name's answer in between gains nothing.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from ...errors import UnknownItem
from ...languages.words import gettext as _
from ...languages.words import marked

MAX_URL = 500

#: Finds the addresses of a host's name, as texts.
Resolve = Callable[[str, int], list[str]]

#: IPv6 addresses that stand for an IPv4 address behind a translator: what is behind can't be known.
TRANSLATED = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))

#: Of special purpose by the registries of IANA, and public to some versions of Python: 192.0.0.192 is the
#: metadata of a cloud.
SPECIAL = tuple(
    map(ip_network, ("192.0.0.0/24", "192.88.99.0/24", "100:0:0:1::/64", "3fff::/20", "5f00::/16"))
)

#: Addresses of the internet's that inside of a cloud are the cloud's own: Azure's, which knows the machine's
#: secrets, and those of IBM's services.
OF_CLOUDS = tuple(map(ip_network, ("168.63.129.16/32", "161.26.0.0/16", "166.8.0.0/14")))


class AddressRefused(Exception):
    """An address that a webhook may not go to. The message is for the customer, to be translated."""


@dataclass(frozen=True)
class EndpointAddress:
    """Where an endpoint is, taken from its URL."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def netloc(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = {"https": 443, "http": 80}[self.scheme]
        return host if self.port == usual else f"{host}:{self.port}"


def by_dns(host: str, port: int) -> list[str]:
    """The addresses of a name by this machine's resolver."""
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in answers))


def read(url: str, *, local: bool) -> EndpointAddress:
    """
    :param local: Whether http and this machine are allowed, for development.
    :raises UnknownItem: It is no URL that a webhook may go to.
    """
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna").decode("ascii")
        usual = {"https": 443, "http": 80}.get(parts.scheme, 0)
        port = usual if parts.port is None else parts.port
    except ValueError:  # UnicodeError is one
        host, port = "", 0
    wrong = ""
    if len(url) > MAX_URL or not url.isascii() or not url.isprintable() or " " in url:
        wrong = _("Write an address of up to %(max)s plain characters.", max=MAX_URL)
    elif not host or parts.scheme not in ("https", "http"):
        wrong = _("Write an address such as https://example.com/webhooks.")
    elif parts.scheme == "http" and not local:
        wrong = _("Write an address that begins with https://.")
    elif parts.username is not None or parts.password is not None or parts.fragment:
        wrong = _("Write the address without a name, a password, or #.")
    elif port != 443 and port < 1024 and not local:
        wrong = _("Choose port 443, or one from 1024 on.")
    if wrong:
        raise UnknownItem(wrong, field="url")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return EndpointAddress(parts.scheme, host, port, path)


def resolved(place: EndpointAddress, resolve: Resolve, *, local: bool) -> list[str]:
    """The addresses of the place, all of which a webhook may go to.

    :raises AddressRefused: The name has no address, or one of a private network.
    """
    try:
        answers = [place.host] if _is_address(place.host) else resolve(place.host, place.port)
    except (OSError, UnicodeError):
        answers = []
    if not answers:
        raise AddressRefused(marked("Its name has no address in the DNS."))
    for address in answers:
        if not is_public(address) and not (local and ip_address(address).is_loopback):
            raise AddressRefused(marked("It leads to an address that is not public."))
    return answers


def is_public(text: str) -> bool:
    """Whether anybody on the internet can have this address: no private network, no metadata of a cloud."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv6Address):
        if any(address in network for network in TRANSLATED) or address.is_site_local:
            return False
        inside = address.ipv4_mapped or address.sixtofour or (address.teredo and address.teredo[1])
        if inside:
            return _is_public(inside)
    return _is_public(address)


def one_of_each(answers: Sequence[str]) -> list[str]:
    """The first address of a name, and the first of the other kind: IPv4 or IPv6 may lead nowhere here."""
    first: dict[int, str] = {}
    for address in answers:
        first.setdefault(ip_address(address.partition("%")[0]).version, address)
    return list(first.values())


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if any(address in network for network in (*SPECIAL, *OF_CLOUDS)):
        return False
    return address.is_global and not (
        address.is_multicast or address.is_reserved or address.is_unspecified or address.is_loopback
    )


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
