"""A passkey without a device: what a phone answers when it is told to make one."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import secrets

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec

#: Somebody is there, it is who holds the device, and a new key is in the answer.
PRESENT, VERIFIED, NEW_KEY = 0x01, 0x04, 0x40


def made_for(page: str, host: str = "localhost") -> str:
    """The answer to a page that asks for a new passkey, as its form sends it."""
    shown = re.search(r'data-options="([^"]+)"', page)
    assert shown is not None, page
    client = {
        "type": "webauthn.create",
        "challenge": json.loads(html.unescape(shown[1]))["challenge"],
        "origin": f"http://{host}",
    }
    key_id = secrets.token_bytes(32)
    device = hashlib.sha256(host.encode()).digest() + bytes([PRESENT | VERIFIED | NEW_KEY]) + bytes(4)
    key = bytes(16) + len(key_id).to_bytes(2, "big") + key_id + _public_key()
    answer = {"fmt": "none", "attStmt": {}, "authData": device + key}
    response = {
        "attestationObject": _written(cbor2.dumps(answer)),
        "clientDataJSON": _written(json.dumps(client).encode()),
    }
    return json.dumps(
        {"id": _written(key_id), "rawId": _written(key_id), "type": "public-key", "response": response}
    )


def _public_key() -> bytes:
    """https://www.rfc-editor.org/rfc/rfc9053#section-7.1.1"""
    point = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
    return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")})


def _written(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
