"""``flask rando ...``, and what ``flask shell`` has at hand."""

from __future__ import annotations

from typing import Any

import click
from flask import Flask, current_app
from flask.cli import AppGroup
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm.exc import StaleDataError

from flask_prepaid import Payment

from .demo.emulator import emulator_of
from .demo.seed import first_history, seed
from .demo.users import make_demo
from .extensions import db, prepaid
from .migrations.upgrade import begin_migrations, upgrade
from .models import Action, AuditLine, Number, SignIn, User, end_sign_ins
from .owners import owner_of

#: Flask-Security's groups of commands.
OF_USERS = ("users", "roles")


class Commands(AppGroup):
    """What goes wrong ends in one sentence with its cure, not in a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except StaleDataError as error:
            raise click.ClickException(
                "Something else has just changed the same account, so nothing of this was done. Run it again."
            ) from error
        except DBAPIError as error:
            reason = str(error.orig).partition("\n")[0]
            raise click.ClickException(
                f"The database refuses: {reason}. Is it there? flask rando prepare makes its tables."
            ) from error


commands = Commands("rando", help="Set up the shop.")
commands.add_command(seed)


def init_app(app: Flask) -> None:
    app.cli.command(
        "db",
        short_help="Perform database migrations.",
        add_help_option=False,
        context_settings={"ignore_unknown_options": True},
    )(flask_db)
    app.cli.add_command(commands)
    for name in OF_USERS:
        group = app.cli.commands[name]
        assert isinstance(group, click.Group), "it has commands"
        app.cli.add_command(Commands(name, group.commands, help=group.help))
    app.shell_context_processor(lambda: shell_names(app))


@click.argument("words", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def flask_db(context: click.Context, words: tuple[str, ...]) -> None:
    """Flask-Migrate's own ``flask db``."""
    begin_migrations()
    from flask_migrate.cli import db as group

    group.main([*words], prog_name="db", standalone_mode=False, parent=context.parent)


def shell_names(app: Flask) -> dict[str, Any]:
    return {"app": app, "db": db, "User": User, "Purchase": Payment, "Number": Number}


@commands.command()
@click.option("--demo", is_flag=True, help="Make a demo customer and an admin as well.")
@click.option("--emulator", is_flag=True, help="Await Stripe's emulator, and hear from it what is handled.")
@click.option("--history", is_flag=True, help="In a new shop, let some months of made-up customers pass.")
def prepare(demo: bool, emulator: bool, history: bool) -> None:
    """Bring all tables up to date, as `db upgrade` and `prepaid upgrade` do."""
    upgrade()
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    if emulator:
        stripe = emulator_of(app)
        stripe.await_answer()
        stripe.control("hear", events=prepaid.heard)
    if history:
        first_history(app)
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
    users, whose = select(SignIn.user_id).distinct().order_by(SignIn.user_id), "everybody"
    if email is not None:
        user_id = db.session.scalar(select(User.id).where(User.email == email.lower()))
        if user_id is None:
            raise click.ClickException(f"There is no customer {email}.")
        users, whose = users.where(SignIn.user_id == user_id), owner_of(user_id)
    ended = sum(len(end_sign_ins(user_id)) for user_id in db.session.scalars(users).all())
    db.session.add(AuditLine(action=Action.SIGN_IN_ENDED, actor="operator", detail={"of": whose}))
    db.session.commit()
    click.echo(f"{ended} sessions have ended.")
