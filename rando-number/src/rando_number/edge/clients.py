"""Who has connected: an address, or nothing. Limits count by it, and lines of the audit log keep it."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


class ClientCheck:
    """A WSGI callable around one that is told an address alone, whatever a server or a proxy calls one."""

    def __init__(self, app: WSGIApplication) -> None:
        self.app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ["REMOTE_ADDR"] = address_in(environ.get("REMOTE_ADDR", ""))
        return self.app(environ, start_response)


def address_in(text: str) -> str:
    """The address in what a server or a proxy says of a client, in one spelling; empty if there is none."""
    try:
        return one_spelling(text)
    except ValueError:
        return address_with_port(text)


def address_with_port(text: str) -> str:
    try:
        return one_spelling(urlsplit(f"//{text}").hostname or "")
    except ValueError:
        return ""


def one_spelling(text: str) -> str:
    """An address of IPv4 as such, where a server that listens on ``::`` names it as one of IPv6.

    :raises ValueError: It is no address.
    """
    address = ip_address(text)
    return str(getattr(address, "ipv4_mapped", None) or address)
