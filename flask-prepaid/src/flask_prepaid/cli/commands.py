"""``flask prepaid ...``: what an operator types, and what cron runs. Exit codes are for cron."""

from __future__ import annotations

import getpass
import hashlib
import json
import logging
import math
import time
from contextlib import ExitStack, suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import click
from flask import current_app
from sqlalchemy import MetaData
from sqlalchemy.exc import DBAPIError

from prepaid_ledger import clock
from prepaid_ledger.database import partitions_of
from prepaid_ledger.slots import SLOTS

from .. import money
from ..context import transaction
from ..errors import GatewayUnavailable
from ..languages import units
from ..operations import connect as catalog_at_stripe
from ..operations import doctor as diagnosis
from ..operations import inbox
from ..operations import reconcile as comparison
from ..operations import tick as upkeep
from ..operations.elsewhere import archiving, copy_books, marks, places
from ..payments import reviews
from ..payments.models import UNDER_WAY, Payment
from ..purchases.money_back import refunds
from ..reports import counting as sums
from ..reports.balance import copying
from ..upgrade import later as tables_later
from ..upgrade import upgrade as upgrade_tables
from . import typed
from .app import context
from .archive import archive, archived
from .codes import codes
from .counting import counting
from .group import Commands, unanswered
from .keys import keys
from .listen import listen
from .outbox import outbox
from .report import report
from .show import show

log = logging.getLogger(__name__)


commands = Commands("prepaid", help="Prepaid credits: upkeep, checks, and what is done by hand.")
commands.add_command(archive)
commands.add_command(archived)
commands.add_command(listen)
commands.add_command(report)
commands.add_command(show)
commands.add_command(codes)
commands.add_command(outbox)
commands.add_command(keys)


in_partitions = click.option(
    "--partitions",
    type=click.Choice([2**n for n in range(1, SLOTS.bit_length())]),
    metavar="N",
    help="Make the ledger's new tables in N partitions, on PostgreSQL: 2, 4, ... 256.",
)


@commands.command()
@in_partitions
def upgrade(partitions: int | None) -> None:
    """Bring the prepaid_* tables up to date.

    For a ledger of billions of entries: --partitions 32, in a new database. Tables that stand are not parted;
    `copy --to` carries their rows there.
    """
    engine = context().engine
    upgrade_tables(engine, partitions=partitions)
    with engine.connect() as connection:
        parts = partitions_of(connection)
    where = f", the ledger's in {parts} partitions" if parts else ""
    for line in tables_later(engine) or [f"The prepaid tables are up to date{where}."]:
        click.echo(line, err=True)


@commands.command()
@click.option("--to", "url", required=True, metavar="URL", help="An empty database, as SQLAlchemy's URL.")
@click.option("--all", "everything", is_flag=True, help="Your own tables, too, as Flask-SQLAlchemy has them.")
@in_partitions
def copy(url: str, everything: bool, partitions: int | None) -> None:
    """Copy the books to another database, SQLite to PostgreSQL or back; audit and reconcile them there.

    Stop the app first. With --all your own tables have to be there, empty: run your migrations on that
    database before. Exit 1 if anything is off there.
    """
    host_tables = hosts_metadata() if everything else None
    try:
        with counting("rows") as seen:
            copied = copy_books.copy(
                context(), url, host_tables=host_tables, partitions=partitions, seen=seen
            )
    except GatewayUnavailable as error:
        raise click.ClickException(
            f"{unanswered()}. All is copied; what Stripe says of it, tells `flask prepaid reconcile` there."
        ) from error
    for problem in copied.problems:
        click.echo(problem, err=True)
    for drift in copied.drift:
        click.echo(f"{drift.kind} {drift.id} (payment {drift.payment}): {drift.detail}", err=True)
    click.echo(f"{copied.rows:,} rows of {copied.tables} tables are at {copied.where}.", err=True)
    if copied.problems or copied.drift:
        raise SystemExit(1)
    click.echo("The audit there finds nothing wrong, and Stripe agrees.", err=True)


def hosts_metadata() -> MetaData:
    """The tables of the app that ``flask`` has loaded, as Flask-SQLAlchemy knows them.

    :raises ClickException: It has no Flask-SQLAlchemy.
    """
    metadata = getattr(current_app.extensions.get("sqlalchemy"), "metadata", None)
    if not isinstance(metadata, MetaData):
        raise click.ClickException("--all needs Flask-SQLAlchemy. Copy your own tables by yourself.")
    return metadata


@commands.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object on one line.")
@click.option("--against", metavar="MARKS", help="A file or database's URL, as PREPAID_MARKS has it.")
@click.option("--jobs", type=click.IntRange(1), default=1, metavar="N", help="Processes that work at once.")
@click.option("--full", is_flag=True, help="Play everything again, whatever PREPAID_PROOFS has proved.")
@click.option(
    "--archive",
    "archive_places",
    multiple=True,
    metavar="PLACE",
    help="Prove what archive has moved there, too; name each place. It means --full.",
)
def audit(as_json: bool, against: str | None, jobs: int, full: bool, archive_places: tuple[str, ...]) -> None:
    """Check every balance, lot, hold and debt against its entries. Exit 1 if one is off.

    It reads from PREPAID_STANDBY, where that is set, as far as the standby has come. With PREPAID_PROOFS it
    goes on from what it has proved there before, and says how much it has not looked at; with --full it
    looks at all, and compares the entries with what was proved.

    A wallet of which spends lie in an archive is looked at from there on. With --archive it is looked at as a
    whole.

    Books that went back, as after a failover that lost something, add up. With --against, each wallet whose
    marked entry is gone is named as well.
    """
    app = context()
    place = app.config.proofs
    full = full or bool(archive_places)
    try:
        with ExitStack() as stack:
            opened = [places.opened(each, app.engine, archiving.WHAT) for each in archive_places]
            archives = [stack.enter_context(each) for each in opened]
            proofs = stack.enter_context(places.opened(place, app.engine, "Proofs")) if place else None
            problems = app.audit(jobs=jobs, proofs=proofs, full=full, archives=archives)
    except (DBAPIError, ValueError) as error:
        raise click.ClickException(f"The books could not be read: {error}") from error
    if against:
        problems += marks.compare(app.engine, against)
    played: dict[str, int] = {}
    if place and not full:
        names = ("wallets", "entries", "before")
        played = {name: getattr(problems, name) for name in names}
        click.echo(
            "Played: {wallets:,} wallets that moved since they were proved, {entries:,} entries. "
            "Not looked at: {before:,} events that were proved before; --full does.".format(**played),
            err=True,
        )
    if as_json:
        rows = [problem._asdict() for problem in problems]
        click.echo(json.dumps({"ok": not problems, "problems": rows, **played}))
    for problem in problems:
        click.echo(problem, err=True)
    if problems:
        raise SystemExit(1)
    click.echo("Every balance is the sum of its entries.", err=True)
    if against:
        click.echo("Nothing that was marked is gone.", err=True)


@commands.command()
@click.option(
    "--every", type=click.FloatRange(min=1), metavar="SECONDS", help="Again and again, until ended."
)
def tick(every: float | None) -> None:
    """Do everything that is due: expiries, holds, pending payments. Exit 1: marks could not be kept."""
    if every is None:
        if not tick_once():
            raise SystemExit(1)
        return
    with suppress(KeyboardInterrupt):  # the only end that it has
        while True:
            try:
                with current_app.app_context():  # a session of its own each time
                    tick_once()
            except Exception:
                log.exception("tick failed; it is tried again in %g s", every)
            time.sleep(every)


def tick_once() -> bool:
    """Do what is due, and at last keep marks, whose server may be slow; whether they are kept."""
    app = context()
    done = {what: count for what, count in upkeep.tick(app).items() if count}
    if done:
        counted = (f"{count:,} {what if count > 1 else upkeep.ONE[what]}" for what, count in done.items())
        click.echo(f"tick: {', '.join(counted)}", err=True)
    return not app.config.marks or marks.keep_or_warn(app.engine, app.config.marks)


@commands.command()
@click.argument("owner", type=typed.owner)
@click.argument("credits", type=typed.credits)
@click.option("--reason", required=True, type=typed.reason, help="Why; it stays on the record.")
@click.option("--key", type=typed.own_key, help="Names the grant. By default owner, credits, reason and day.")
def grant(owner: str, credits: int, reason: str, key: str | None) -> None:
    """Give OWNER some CREDITS. Typed twice on one day, it gives them once."""
    app = context()
    key = key or f"grant:{digest_of_today(owner, credits, reason)}"
    with transaction(app):
        app.ledger.grant(owner, credits, key=key, reason=f"{reason} (by {getpass.getuser()})")
    click.echo(f"{owner} has {units.credits(app.ledger.balance(owner))}.", err=True)


def digest_of_today(*words: object) -> str:
    """A key for what is typed, the same all day."""
    typed = "\n".join(str(word) for word in (*words, f"{clock.wall():%Y-%m-%d}"))
    return hashlib.sha256(typed.encode()).hexdigest()[:24]


@commands.command()
@click.argument("payment", type=typed.payment)
@click.option("--amount", type=typed.amount, help="In the currency's smallest unit. Default: all.")
@click.option("--reason", required=True, type=typed.reason, help="Why; it stays on the record.")
@click.option("--key", type=typed.key, help="Names this refund. By default payment, amount, reason and day.")
def refund(payment: int, amount: int | None, reason: str, key: str | None) -> None:
    """Refund PAYMENT to its card, and claw back its credits. Typed twice on one day, it is made once."""
    key = f"command:{key or digest_of_today(payment, amount, reason)}"
    app = context()
    made = refunds.refund(
        app, payment, amount_minor=amount, reason=f"{reason} (by {getpass.getuser()})", key=key
    )
    shown = money.show(made.amount_minor, app.session.get_one(Payment, payment).currency)
    under_way = "under way, " if made.state in UNDER_WAY else ""
    click.echo(f"Refund of {shown} for payment {payment}: {under_way}{made.state}.", err=True)


@commands.command()
@click.argument("payment", type=typed.payment)
@click.option("--note", required=True, type=typed.note, help="What you have done; it stays on the record.")
def review(payment: int, note: str) -> None:
    """Say that PAYMENT, which needed a review, is dealt with. It moves neither money nor credits."""
    reviews.close(context(), payment, review=f"{note} (by {getpass.getuser()})")
    click.echo(f"Payment {payment} is reviewed.", err=True)


@commands.command()
@click.argument("events", nargs=-1)
@click.option("--failed", is_flag=True, help="Every event that was not handled.")
def replay(events: tuple[str, ...], failed: bool) -> None:
    """Run events of the inbox again. Exit 1 if one fails."""
    if bool(events) == failed:
        raise click.UsageError("Name events, or give --failed.")
    app = context()
    left = [event for event in events or inbox.unhandled(app) if not inbox.replay(app, event)]
    for event in left:
        click.echo(f"{event}: not in the inbox, or it failed again: see the log", err=True)
    if left:
        raise SystemExit(1)


@commands.command()
@click.option("--fix", is_flag=True, help="Mend what can be mended, as an event of Stripe's would.")
@click.option("--since", type=click.DateTime(), help="Leave alone what was made before, in UTC.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on one line.")
def reconcile(fix: bool, since: datetime | None, as_json: bool) -> None:
    """Compare Stripe's objects with the books, in both directions. Exit 1 if drift is left."""
    app = context()
    start = since.replace(tzinfo=UTC) if since else None
    try:
        with counting("compared") as seen:
            left = comparison.reconcile(app, since=start, fix=fix, seen=seen, wait=_wait)
    except GatewayUnavailable as error:
        raise click.ClickException(f"{unanswered()}. Nothing is known to be off; run it again.") from error
    if as_json:
        click.echo(json.dumps({"ok": not left, "drift": [asdict(drift) for drift in left]}))
    for drift in left:
        click.echo(f"{drift.kind} {drift.id} (payment {drift.payment}): {drift.detail}", err=True)
    if left:
        raise SystemExit(1)
    click.echo("Stripe and the books agree.", err=True)


def _wait(left: timedelta) -> None:
    """Until a request that was lost on its way can't reach Stripe any more."""
    seconds = math.ceil(left.total_seconds())
    click.echo(f"A payment was asked for a moment ago, and is not known yet: {seconds} s more.", err=True)
    time.sleep(seconds)


@commands.command()
def sync() -> None:
    """Copy Stripe's balance transactions since the last time, for the reports."""
    try:
        with counting("copied") as seen:
            new = copying.sync(context(), seen=seen)
        sums.catch_up(context())
    except GatewayUnavailable as error:
        raise click.ClickException(
            f"{unanswered()}. What was copied is kept or copied again: run it again."
        ) from error
    click.echo(f"{new:,} new.", err=True)


@commands.command()
@click.option(
    "--url", help="Where Stripe shall send its events, such as https://shop.example/prepaid/webhook."
)
@click.option(
    "--end-plans", is_flag=True, help="End the plans here that this account of Stripe's does not have."
)
def connect(url: str | None, end_plans: bool) -> None:
    """Mirror the packs to Stripe's products and prices, and set up the webhook. Safe to run again.

    Plans don't move from one account of Stripe's to another. With --end-plans, those that run here and that
    this account does not have are ended: their customers are told by mail, and choose anew. What they have
    paid for stays.
    """
    path = context().config.paths["webhook"]
    if url is not None and not urlsplit(url).path.endswith(path):
        raise click.BadParameter(f"this app hears events at {path}, not there.", param_hint="--url")
    try:
        connected = catalog_at_stripe.connect(context(), url=url, end_plans=end_plans)
    except GatewayUnavailable as error:
        raise click.ClickException(f"{unanswered()}. Run it again: nothing is made twice.") from error
    for line in connected.done:
        click.echo(line, err=True)
    if connected.not_there:
        click.echo(
            f"This account does not have the plan of {connected.not_there[0]}, which runs here: it never "
            "renews. If this account is the right one, end such plans: flask prepaid connect --end-plans",
            err=True,
        )
    if connected.secret:
        click.echo(
            "Keep this as PREPAID_STRIPE_WEBHOOK_SECRET (FLASK_PREPAID_STRIPE_WEBHOOK_SECRET for "
            "app.config.from_prefixed_env()). Stripe shows it only now:",
            err=True,
        )
        click.echo(connected.secret)


@commands.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object on one line.")
def doctor(as_json: bool) -> None:
    """Say what is wrong with keys, tables, clock and webhook, and how to mend it. Exit 1 if anything is."""
    findings = diagnosis.examine(context())
    if as_json:
        click.echo(json.dumps({"ok": not findings, "findings": findings}))
    for finding in findings:
        click.echo(finding, err=True)
    if findings:
        raise SystemExit(1)
    mode = "live: money is real" if context().config.livemode else "test: no money moves"
    click.echo(f"Nothing is wrong. Stripe's mode is {mode}.", err=True)
