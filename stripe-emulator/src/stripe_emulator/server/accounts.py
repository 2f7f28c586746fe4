"""Many accounts in one process: each secret key opens its own, and sees nothing of the others.

An account is an emulator with a store of its own. A call to the API goes to the account of its key.
A page goes to the account whose object it names (``/pay/cs_...``). Whatever names none goes to the account
that was chosen on the dashboard, and else to the first.
"""

from __future__ import annotations

import hashlib
import io
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from stripe_emulator.api import keys, request_log
from stripe_emulator.api.chosen_account import CHOSEN, COOKIE
from stripe_emulator.api.request import Api, Call, Reply
from stripe_emulator.core.database import store
from stripe_emulator.core.database.storage import Store
from stripe_emulator.core.errors import StripeError
from stripe_emulator.core.ids import ALPHABET
from stripe_emulator.core.wire import MAX_BYTES, decode

_ID = re.compile(r"\b[a-z]+(?:_[a-z]+)*_[A-Za-z0-9]{8,}\b")


class Account(Protocol):
    """What is asked of the emulator of one account."""

    store: Store
    api: Api

    def close(self) -> None: ...


A = TypeVar("A", bound=Account)


def account_of(key: str) -> str:
    """The id of a key's account. Keys that differ in their kind alone, ``sk_`` or ``pk_``, share one."""
    digest = hashlib.sha256(key.split("_", 2)[2].encode()).digest()
    return "acct_1" + "".join(ALPHABET[byte % 62] for byte in digest[:15])


class Accounts(Generic[A]):
    """The accounts of an emulator, each made when its key is first seen.

    :param first: The account of whatever names no other.
    :param make: Makes the emulator of an account by its id.
    """

    def __init__(self, first: A, make: Callable[[str], A]) -> None:
        self.first = first
        self._make = make
        self._made: dict[str, A] = {}
        self._lock = threading.Lock()
        #: Called with each account that is made, such as to plant a seed.
        self.on_new: list[Callable[[A], None]] = []

    def __iter__(self) -> Iterator[A]:
        return iter([self.first, *self._made.values()])

    def open_kept(self) -> None:
        """Bring back the accounts that are kept beside the first: their time goes on."""
        for account in _on_disk(self.first.store.path):
            self.named(account)

    def named(self, account: str) -> A:
        """The emulator of an account."""
        with self._lock:
            known = self._made.get(account)
            if known is None:
                known = self._made[account] = self._make(account)
                for follower in self.on_new:
                    follower(known)
            return known

    def of(self, key: str) -> A:
        """The emulator of a key's account."""
        if key.startswith(keys.EPHEMERAL):
            return self._with("ephemeral_key", "_secret", key)
        return self.named(account_of(key))

    def answer(self, call: Call) -> Reply:
        """Have the account of the call's key answer it."""
        return self._of_call(call).api.answer(call)

    def choose(
        self, environ: dict[str, Any], start_response: Any, then: Callable[..., Iterable[bytes]]
    ) -> Iterable[bytes]:
        """Let a page be served from the account that it belongs to."""
        environ[CHOSEN] = self._of_page(environ).api
        return then(environ, start_response)

    def close(self) -> None:
        """Let go of every account but the first."""
        for emulator in self._made.values():
            emulator.close()

    def _of_call(self, call: Call) -> A:
        try:
            form = {} if call.header("authorization") else decode(call.query, call.body)
            return self.of(keys.given(call.header("authorization"), form))
        except StripeError:
            return self.first  # which says what is wrong with the key

    def _of_page(self, environ: dict[str, Any]) -> A:
        if environ.get("HTTP_AUTHORIZATION"):
            call = Call("GET", "", "", {"authorization": environ["HTTP_AUTHORIZATION"]}, b"")
            return self._of_call(call)
        text = f"{environ['PATH_INFO']}?{environ.get('QUERY_STRING', '')}\n{_body(environ)}"
        for object_id in _ID.findall(text):
            for emulator in self:
                request_log.write(emulator.store)
                with emulator.store.transaction(write=False):
                    if store.find_any(object_id) or request_log.named(object_id):
                        return emulator
        chosen = SimpleCookie(environ.get("HTTP_COOKIE", "")).get(COOKIE)
        known = {emulator.store.account: emulator for emulator in self}
        return known.get(chosen.value, self.first) if chosen else self.first

    def _with(self, kind: str, field: str, value: str) -> A:
        for emulator in self:
            with emulator.store.transaction(write=False):
                if store.select(kind, {field: value}, limit=1):
                    return emulator
        return self.first


def file_of(first: Path | None, account: str) -> Path | None:
    """Where an account is kept: beside the first, or nowhere."""
    return first and first.with_name(f"{first.stem}-{account}{first.suffix}")


def _on_disk(first: Path | None) -> list[str]:
    if first is None:
        return []
    files = first.parent.glob(f"{first.stem}-acct_1*{first.suffix}")
    return [file.stem.removeprefix(f"{first.stem}-") for file in files]


def _body(environ: dict[str, Any]) -> str:
    """The body of a request, which can still be read afterwards; "" of one that is too large."""
    length = environ.get("CONTENT_LENGTH") or "0"
    if not length.isdigit() or int(length) > MAX_BYTES:
        return ""
    body: bytes = environ["wsgi.input"].read(int(length))
    environ["wsgi.input"] = io.BytesIO(body)
    return body.decode("utf-8", "replace")
