"""Who has connected: an address, or nothing. Limits count by it, and lines of the audit log keep it."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


class ClientCheck:
    """A WSGI callable around one that is told a client's address alone, whatever a proxy hands on as one."""

    def __init__(self, app: WSGIApplication) -> None:
        self.app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ["REMOTE_ADDR"] = address_in(environ.get("REMOTE_ADDR", ""))
        return self.app(environ, start_response)


def address_in(text: str) -> str:
    """The address in what a proxy says of a client; empty if there is none."""
    try:
        return str(ip_address(text))
    except ValueError:
        return address_with_port(text)


def address_with_port(text: str) -> str:
    try:
        return str(ip_address(urlsplit(f"//{text}").hostname or ""))
    except ValueError:
        return ""
