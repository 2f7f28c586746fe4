"""The demo users: a customer and an admin, and the file that keeps their passwords."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path

import click
from flask import current_app
from flask_security import hash_password

from .. import shop
from ..accounts.setup import users
from ..columns import utc_now
from ..extensions import db
from ..owners import owner_of

#: The demo users, and the role each has.
DEMO = {"customer": ("demo@rando.test", None), "admin": ("admin@rando.test", "admin")}


def make_demo() -> dict[str, dict[str, str]]:
    """Make the demo users, once; returns the mail address and the password of each. Commits."""
    file = Path(current_app.instance_path) / "logins.json"
    logins: dict[str, dict[str, str]] = json.loads(file.read_text()) if file.exists() else {}
    for name, (email, role) in DEMO.items():
        if users.find_user(email=email) is None:
            logins[name] = {"email": email, "password": secrets.token_urlsafe(12)}
            make_user(email, logins[name]["password"], role)
            click.echo(f"{name}: {email} {logins[name]['password']}")
    write_private(file, json.dumps(logins, indent=1))
    db.session.commit()
    return logins


def make_user(email: str, password: str, role: str | None) -> None:
    """A confirmed user with the free credits; the caller commits."""
    roles = [users.find_or_create_role(role)] if role else []
    user = users.create_user(
        email=email, password=hash_password(password), roles=roles, confirmed_at=utc_now()
    )
    db.session.flush()
    shop.welcome(owner_of(user.id))


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
