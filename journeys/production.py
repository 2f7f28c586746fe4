"""The shop as a server runs it: the command of ``deploy/``, two workers, https, addresses confirmed.

Stripe's emulator stands in for Stripe, which is why ``RANDO_ENV`` stays as it is; what production sets
by itself is set by name.
"""

from __future__ import annotations

import base64
import hmac
import http.client
import json
import os
import re
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import Message
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from .conftest import ROOT, command_of, free_port

BIN = Path(sys.executable).parent

PASSWORD = "correct horse battery"


@dataclass
class Answer:
    status: int
    url: str
    text: str
    headers: Message


class Browser:
    """A browser without JavaScript: cookies, links and forms. It follows where it is led."""

    def __init__(self, shop: Production) -> None:
        self.shop = shop
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = (
            False,
            ssl.CERT_NONE,
        )  # the proxy's is made for the day
        self.open_url = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(context=trusting),
            urllib.request.HTTPCookieProcessor(CookieJar()),
        ).open

    def get(self, path: str, **headers: str) -> Answer:
        return self._ask(urllib.request.Request(urljoin(self.shop.url, path), headers=headers))

    def send(self, action: str, *, form_of: str | None = None, **fields: str) -> Answer:
        """Fill in the form of a page that leads to ``action``, and send it with its hidden fields."""
        page = self.get(form_of or action)
        assert page.status == 200, (form_of or action, page.status, page.text[:300])
        by_path = forms(page.text)
        target = urlsplit(urljoin(self.shop.url, action)).path
        assert target in by_path, (form_of or action, sorted(by_path))
        return self.post(action, {**by_path[target], **fields}, referrer=page.url)

    def post(self, path: str, fields: dict[str, str], *, referrer: str | None = None) -> Answer:
        request = urllib.request.Request(urljoin(self.shop.url, path), urlencode(fields).encode())
        request.add_header("Referer", referrer or self.shop.url)
        return self._ask(request)

    def login(self, email: str, password: str = PASSWORD) -> Answer:
        return self.send("/login", email=email, password=password)

    def _ask(self, request: urllib.request.Request) -> Answer:
        try:
            with self.open_url(request, timeout=60) as answer:
                text = answer.read().decode(errors="replace")  # of a picture, too
                return Answer(answer.status, answer.url, text, answer.headers)
        except HTTPError as refused:
            with refused:
                return Answer(refused.code, request.full_url, refused.read().decode(), refused.headers)


class Production:
    """One shop: the emulator, two workers, and the proxy in front of them."""

    server: subprocess.Popen[bytes]

    def __init__(self, folder: Path, database_url: str | None = None) -> None:
        self.data = folder / "data"
        self.folder = folder
        self.ports = {name: free_port() for name in ("shop", "emulator", "https", "http")}
        self.url = f"https://localhost:{self.ports['https']}"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("RANDO", "STRIPE"))},
            "RANDO_DATA": str(self.data),
            "RANDO_BASE_URL": self.url,
            "RANDO_PROXY_HOPS": "1",
            "RANDO_CONFIRM_EMAIL": "1",
            "RANDO_CREDITS_AFTER_CONFIRM": "1",
            "RANDO_ADMIN_SECOND_FACTOR": "1",
            "STRIPE_SECRET_KEY": "sk_test_emulator",
            "STRIPE_PUBLISHABLE_KEY": "pk_test_emulator",
            "STRIPE_WEBHOOK_SECRET": "whsec_0123456789abcdef",
            "STRIPE_API_BASE": f"http://127.0.0.1:{self.ports['emulator']}",
        }
        if database_url:
            self.environment["DATABASE_URL"] = database_url

    @contextmanager
    def running(self) -> Iterator[Production]:
        with ExitStack() as stack:
            stack.enter_context(self.process(BIN / "stripe-emulator", *self.emulator_options()))
            self.await_answer(self.environment["STRIPE_API_BASE"] + "/_emulator/state")
            prepare: list[str | Path] = [BIN / "flask", "--app", "rando_number", "rando", "prepare"]
            subprocess.run(prepare, env=self.environment, check=True)
            web = deployed("rando-web.service", self.ports["shop"])
            self.server = stack.enter_context(self.process(*web))
            self.await_answer(f"http://127.0.0.1:{self.ports['shop']}/readyz")
            for scheme in ("https", "http"):
                stack.enter_context(self.proxy(scheme))
            yield self

    def emulator_options(self) -> list[str]:
        webhook = f"http://localhost:{self.ports['http']}/prepaid/webhook"
        secret = self.environment["STRIPE_WEBHOOK_SECRET"]
        port = str(self.ports["emulator"])
        return ["--port", port, "--webhook", webhook, "--webhook-secret", secret]

    @contextmanager
    def process(self, *command: str | Path) -> Iterator[subprocess.Popen[bytes]]:
        child = subprocess.Popen(command, env=self.environment, stdout=subprocess.DEVNULL)
        try:
            yield child
        finally:
            child.terminate()
            try:
                child.wait(60)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    @contextmanager
    def proxy(self, scheme: str) -> Iterator[None]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if scheme == "https":
            context.load_cert_chain(certificate(self.folder / "localhost.pem"))
        server = ThreadingHTTPServer(("127.0.0.1", self.ports[scheme]), handler_for(self, scheme))
        server.daemon_threads = True
        if scheme == "https":
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()

    def workers(self) -> list[int]:
        """The processes that serve, each by its id."""
        return workers_of(self.server)

    def await_answer(self, url: str, within_s: float = 60) -> None:
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            try:
                with urllib.request.urlopen(url, timeout=5):
                    return
            except HTTPError as not_yet:
                not_yet.close()  # it holds the line
            except OSError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"{url} did not answer")

    def command(self, *words: str) -> str:
        """``flask`` with these words on this shop, in this process; what it printed."""
        done = command_of(self.environment, *words)
        assert done.exit_code == 0, done.output
        return done.stdout

    def control(self, verb: str, **fields: object) -> None:
        """One of the emulator's own controls."""
        request = urllib.request.Request(
            f"{self.environment['STRIPE_API_BASE']}/_emulator/{verb}",
            json.dumps(fields).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60):
            pass

    def links(self, path: str = "") -> list[str]:
        """The links of ours to ``path`` in the mails, oldest first, each once."""
        files = sorted((self.data / "mails").glob("*"), key=lambda file: file.stat().st_mtime_ns)
        texts = []
        for file in files:
            mail = message_from_bytes(file.read_bytes(), policy=policy.default)
            body = mail.get_body(("plain",))
            texts.append(body.get_content() if body is not None else "")
        links = dict.fromkeys(re.findall(rf"https?://[^\s/]+{path}/[^\s]*", "\n".join(texts)))
        return [link for link in links if not link.startswith(self.environment["STRIPE_API_BASE"])]


def workers_of(server: subprocess.Popen[bytes]) -> list[int]:
    """The processes that serve for a server, each by its id."""
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    return [int(id) for id in children if b"resource_tracker" not in Path(f"/proc/{id}/cmdline").read_bytes()]


class FormReader(HTMLParser):
    """The forms of a page by the path that they lead to, each with its hidden fields."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: dict[str, dict[str, str]] = {}
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.fields = self.forms.setdefault(urlsplit(named.get("action", "")).path, {})
        if tag == "input" and named.get("type") == "hidden":
            self.fields[named["name"]] = named.get("value", "")


def forms(page: str) -> dict[str, dict[str, str]]:
    reader = FormReader()
    reader.feed(page)
    return reader.forms


def certificate(file: Path) -> Path:
    """A certificate for localhost, good for a day, and its key in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    file.write_bytes(key.private_bytes(pem, *private) + signed.public_bytes(pem))
    return file


def code_of(page: str) -> str:
    """The one-time code that an authenticator app shows for the key on the page (RFC 6238)."""
    key = re.search(r'id="totp-key">([^<]+)<', page)
    assert key is not None, page[:500]
    step = int(time.time()) // 30
    digest = hmac.digest(base64.b32decode(key[1].replace("-", "")), step.to_bytes(8, "big"), "sha1")
    at = digest[-1] & 15
    return f"{(int.from_bytes(digest[at : at + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06}"


def deployed(unit: str, port: int) -> list[str | Path]:
    """What a systemd unit of ``deploy/`` starts, with the program of this environment and another port."""
    line = re.search(r"^ExecStart=(.+)$", (ROOT / "deploy" / unit).read_text(), re.MULTILINE)
    assert line is not None
    program, *words = line[1].split()
    words[words.index("--port") + 1] = str(port)
    return [BIN / Path(program).name, *words]


def handler_for(shop: Production, scheme: str) -> type[BaseHTTPRequestHandler]:
    """A reverse proxy: what comes goes on to the shop, with who asked and how."""

    class Proxy(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
            # The emulator knocks at the plain port, as Stripe would at the other one.
            headers["Host"] = urlsplit(shop.url).netloc
            headers |= {"X-Forwarded-For": self.client_address[0], "X-Forwarded-Proto": scheme}
            line = http.client.HTTPConnection("127.0.0.1", shop.ports["shop"], timeout=60)
            with closing(line):  # also where the shop does not answer
                line.request(self.command, self.path, body, headers)
                answer = line.getresponse()
                content = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("transfer-encoding", "content-length", "connection"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = forward  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Proxy
