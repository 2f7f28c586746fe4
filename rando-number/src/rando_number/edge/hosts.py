"""Which hosts are served, and what the shop's own address is: settled before anything reads Host."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

#: Machines ask these by whatever address they know. They show strangers nothing, and
#: make no link.
HEALTH = {"/healthz", "/readyz", "/metrics"}

DEFAULT_PORTS = {"https": 443, "http": 80}

#: Listening here, a shop is reached under any address of the machine.
ANYWHERE = {"0.0.0.0", "::"}  # noqa: S104


class Hosts:
    """The hosts under which a shop is served.

    With an https base URL it is that host and port alone. Without one the shop is on somebody's machine, and
    a page elsewhere must not reach it under a name of its own (DNS rebinding): local names are served, and
    the base URL's.

    :param base_url: The address that customers see; empty where none is set.
    """

    def __init__(self, base_url: str) -> None:
        self.base = urlsplit(base_url)
        self.is_fixed = self.base.scheme == "https"

    def serves(self, host: str) -> bool:
        """Whether a Host header names this shop."""
        try:
            header = urlsplit(f"//{host}")
            name, port = header.hostname, header.port
        except ValueError:
            return False
        if name is None or header.netloc != host or not host.isascii() or "@" in host:
            return False
        if self.is_fixed:
            default = DEFAULT_PORTS[self.base.scheme]
            return name == self.base.hostname and (port or default) == (self.base.port or default)
        return name in ("localhost", self.base.hostname) or name.endswith(".localhost") or self.is_here(name)

    def is_here(self, name: str) -> bool:
        """Whether a name is a local address. Nobody can give a page of theirs such a name."""
        try:
            address = ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or self.base.hostname in ANYWHERE


class HostCheck:
    """A WSGI callable around one that is reached under the shop's hosts alone.

    Where the base URL is https, the app is told that address, whatever a proxy has said: links in
    mails are made of it.

    :param headers: The headers of the refusal.
    """

    def __init__(self, app: WSGIApplication, hosts: Hosts, headers: dict[str, str]) -> None:
        self.app = app
        self.hosts = hosts
        self.headers = headers

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        is_health = environ.get("PATH_INFO") in HEALTH
        if not is_health and not self.hosts.serves(environ.get("HTTP_HOST", "")):
            return self.refuse(start_response)
        if self.hosts.is_fixed:
            environ["wsgi.url_scheme"] = self.hosts.base.scheme
            environ["HTTP_HOST"] = self.hosts.base.netloc
        elif is_health:
            environ["HTTP_HOST"] = "localhost"
        return self.app(environ, start_response)

    def refuse(self, start_response: StartResponse) -> Iterable[bytes]:
        """Answer in plain text: a page would need links, and links need a host that we trust."""
        plain = {"Content-Type": "text/plain; charset=utf-8", **self.headers}
        start_response("400 Bad Request", list(plain.items()))
        return [b"This host is not served here. RANDO_BASE_URL says which one is.\n"]
