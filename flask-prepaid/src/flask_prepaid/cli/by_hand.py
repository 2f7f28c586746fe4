"""What an operator does by hand, on the record with who and why: ``grant``, ``refund`` and ``review``."""

from __future__ import annotations

import getpass
import hashlib

import click
from flask.cli import with_appcontext

from prepaid_ledger import clock

from .. import money
from ..context import transaction
from ..languages import units
from ..payments.models import UNDER_WAY, Payment
from ..purchases import reviews
from ..purchases.money_back import refunds
from . import typed
from .app import context


@click.command()
@with_appcontext
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


@click.command()
@with_appcontext
@click.argument("payment", type=typed.payment)
@click.option("--amount", type=typed.amount, help="In the currency's smallest unit. Default: all.")
@click.option(
    "--charge",
    type=typed.charge,
    help="Of several charges the one that gives it back: the id of its PaymentIntent.",
)
@click.option("--reason", required=True, type=typed.reason, help="Why; it stays on the record.")
@click.option("--key", type=typed.key, help="Names this refund. By default all that is typed, and the day.")
def refund(payment: int, amount: int | None, charge: str | None, reason: str, key: str | None) -> None:
    """Refund PAYMENT to its card, and claw back its credits. Typed twice on one day, it is made once."""
    key = f"command:{key or digest_of_today(payment, amount, charge, reason)}"
    by, app = f"{reason} (by {getpass.getuser()})", context()
    made = refunds.refund(app, payment, amount_minor=amount, charge=charge, reason=by, key=key)
    shown = money.show(made.amount_minor, app.session.get_one(Payment, payment).currency)
    under_way = "under way, " if made.state in UNDER_WAY else ""
    click.echo(f"Refund of {shown} for payment {payment}: {under_way}{made.state}.", err=True)


@click.command()
@with_appcontext
@click.argument("payment", type=typed.payment)
@click.option("--note", required=True, type=typed.note, help="What you have done; it stays on the record.")
@click.option("--charge", type=typed.charge, help="Stripe's id of what you mean, if there are several.")
@click.option("--give", is_flag=True, help="Give the credits, for what was paid.")
def review(payment: int, note: str, charge: str | None, give: bool) -> None:
    """Say that PAYMENT, which needed a review, is dealt with. Nothing moves by it, but with --give."""
    end_review = reviews.accept if give else reviews.close
    end_review(context(), payment, review=f"{note} (by {getpass.getuser()})", charge=charge)
    done = "has given its credits" if give else "is reviewed"
    click.echo(f"Payment {payment} {done}.", err=True)
