"""A passkey without a device: what a phone or a stick answers as a key is made, and used."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import secrets

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

#: Somebody is there, it is who holds the device, and a new key is in the answer.
PRESENT, VERIFIED, NEW_KEY = 0x01, 0x04, 0x40

HOST = "localhost"


class SoftKey:
    """One key. It counts no answers, as those that a maker of phones keeps on several of them."""

    def __init__(self) -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.id = secrets.token_bytes(32)

    def made_for(self, page: str) -> str:
        """The answer to a page that asks for a new passkey, as its form sends it."""
        key = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + self._public_key()
        answer = {"fmt": "none", "attStmt": {}, "authData": _device(PRESENT | VERIFIED | NEW_KEY) + key}
        return self._written(_client("create", page), attestationObject=cbor2.dumps(answer))

    def answer(self, page: str, *, holder: int = PRESENT | VERIFIED) -> str:
        """The answer to a page that asks for a passkey; ``holder``: what the device knows of who holds it."""
        client, device = _client("get", page), _device(holder)
        signed = self.private.sign(device + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return self._written(client, authenticatorData=device, signature=signed)

    def _public_key(self) -> bytes:
        """https://www.rfc-editor.org/rfc/rfc9053#section-7.1.1"""
        point = self.private.public_key().public_numbers()
        return cbor2.dumps(
            {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
        )

    def _written(self, client: bytes, **parts: bytes) -> str:
        response = {name: _base64(value) for name, value in parts.items()}
        response["clientDataJSON"] = _base64(client)
        key_id = _base64(self.id)
        return json.dumps({"id": key_id, "rawId": key_id, "type": "public-key", "response": response})


def made_for(page: str) -> str:
    """A new key's answer to a page that asks for one."""
    return SoftKey().made_for(page)


def _client(what: str, page: str) -> bytes:
    shown = re.search(r'data-options="([^"]+)"', page)
    assert shown is not None, page
    challenge = json.loads(html.unescape(shown[1]))["challenge"]
    client = {"type": f"webauthn.{what}", "challenge": challenge, "origin": f"http://{HOST}"}
    return json.dumps(client).encode()


def _device(flags: int) -> bytes:
    return hashlib.sha256(HOST.encode()).digest() + bytes([flags]) + bytes(4)


def _base64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
