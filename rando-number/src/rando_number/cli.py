"""``flask rando ...``, and what ``flask shell`` has at hand."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any

import click
from flask import Flask, current_app
from flask.cli import AppGroup
from flask_migrate import upgrade
from flask_security import hash_password
from sqlalchemy import delete, select

from flask_prepaid import Payment

from . import shop
from .accounts import users
from .models import AuditLine, Deed, Number, SignIn, User, db, owner_of, utc_now
from .seed import seed

MIGRATIONS = str(Path(__file__).parent / "migrations")

#: The demo's people, and the role each has.
DEMO = {"customer": ("demo@rando.test", None), "admin": ("admin@rando.test", "admin")}

commands = AppGroup("rando", help="Set up the shop.")
commands.add_command(seed)


def init_app(app: Flask) -> None:
    app.cli.add_command(commands)
    app.shell_context_processor(lambda: shell_names(app))


def shell_names(app: Flask) -> dict[str, Any]:
    return {"app": app, "db": db, "User": User, "Purchase": Payment, "Number": Number}


@commands.command()
@click.option("--demo", is_flag=True, help="Make a demo customer and an admin as well.")
def prepare(demo: bool) -> None:
    """Bring all tables up to date, as `db upgrade` and `prepaid upgrade` do."""
    upgrade()
    shop.prepaid.upgrade()
    if demo:
        make_demo()


@commands.command()
def seed_demo() -> None:
    """Make a demo customer and an admin, once. Their passwords are printed and kept in logins.json."""
    make_demo()


@commands.command()
@click.argument("email", required=False)
@click.option("--everybody", is_flag=True, help="End the sessions of all customers.")
def end_sessions(email: str | None, everybody: bool) -> None:
    """Sign a customer out everywhere, or with --everybody all of them. Keys go on."""
    if (email is None) is not everybody:
        raise click.UsageError("Name a customer by mail address, or say --everybody.")
    ending, whose = delete(SignIn), "everybody"
    if email is not None:
        user_id = db.session.scalar(select(User.id).where(User.email == email.lower()))
        if user_id is None:
            raise click.ClickException(f"There is no customer {email}.")
        ending, whose = ending.where(SignIn.user_id == user_id), owner_of(user_id)
    ended = len(db.session.scalars(ending.returning(SignIn.digest)).all())
    db.session.add(AuditLine(deed=Deed.SIGN_IN_ENDED, actor="operator", detail={"of": whose}))
    db.session.commit()
    click.echo(f"{ended} sessions have ended.")


def make_demo() -> None:
    kept = Path(current_app.instance_path) / "logins.json"
    logins = json.loads(kept.read_text()) if kept.exists() else {}
    for who, (email, role) in DEMO.items():
        if users.find_user(email=email) is None:
            logins[who] = {"email": email, "password": secrets.token_urlsafe(12)}
            make_user(email, logins[who]["password"], role)
            click.echo(f"{who}: {email} {logins[who]['password']}")
    write_private(kept, json.dumps(logins, indent=1))
    db.session.commit()


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
