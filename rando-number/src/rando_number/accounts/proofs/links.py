"""The pages that links of mails open: a button each, for a link is opened by mail programs too.

A link never signs anybody in by itself, and never swaps one account for another. The guard of the forms
(``second_press``) commits what they do.
"""

from __future__ import annotations

from flask import Flask, abort, current_app, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_security import change_email_confirmed, login_user
from flask_security.change_email import _verify_token_status as change_of_link
from flask_security.confirmable import confirm_email_token_status as confirmation_of_link
from sqlalchemy.exc import IntegrityError

from flask_prepaid.languages.words import gettext as _

from ...callers import signed_in
from ...columns import utc_now
from ...extensions import db
from ...models import User
from ...rate_limits import guesses
from ...rate_limits.rates import client_address
from .. import ways_in
from . import first_proof, wanted_page

#: Session key: the address that this browser asked a link for, until it is confirmed.
MAILED = "confirmation_mailed_to"


def init_app(app: Flask) -> None:
    """Put our pages in the place of Flask-Security's, which act on a GET."""
    views = app.view_functions
    if "security.confirm_email" in views:
        views["security.confirm_email"] = guesses.counted(
            confirm, guesses.PASSWORD, client_address, guesses.redirects
        )
        app.add_url_rule("/register/mail", "links.check_mail", check_mail)
    views["security.change_email_confirm"] = change_address
    rule = next(rule.rule for rule in app.url_map.iter_rules("security.change_email_confirm"))
    app.add_url_rule(rule, "security.change_email_confirm", methods=["POST"])


def check_mail() -> ResponseReturnValue:
    """What comes after a registration: the link in the mail, whoever had the address before."""
    address = session.get(MAILED)
    if address is None:
        return redirect(url_for("security.send_confirmation"))
    return render_template("accounts/check_mail.html", address=address)


def confirm(token: str) -> ResponseReturnValue:
    """Confirm an address: by a button for who is signed in, for others with the account's password.

    Who has both the mailbox and the password is who registered. An address that somebody else
    registered is not confirmed for them by the press of a button; its owner sets a new password.
    """
    expired, invalid, user = confirmation_of_link(token)  # type: ignore[no-untyped-call]
    here = signed_in()
    if here is not None and here.confirmed_at is not None and (user is None or user.id == here.id):
        flash(_("Your address is confirmed."), "info")
        return redirect(wanted_page.take())
    if user is None or expired or invalid or not user.active or user.confirmed_at is not None:
        flash(_("This link has been used, or is too old. Sign in, or ask for a new one here."), "warning")
        return redirect(url_for("security.send_confirmation"))
    if somebody_else_than(user):
        return other_account(user)
    if request.method == "POST":
        if signed_in() or right_password(user):
            first_proof.confirm(user)
            session.pop(MAILED, None)
            login_user(user, authn_via=["confirm"])
            flash(_("Thank you. Your address is confirmed."), "success")
            return redirect(wanted_page.take())
        return page(user, wrong=True), 422
    return page(user)


def right_password(user: User) -> bool:
    password = request.form.get("password", "")
    return bool(password) and len(password) <= 1_000 and user.verify_and_update_password(password)


def page(user: User, *, wrong: bool = False) -> str:
    known = signed_in() is not None
    ends = ways_in.has_any(user)
    return render_template("accounts/confirm.html", user=user, known=known, wrong=wrong, ends=ends)


def change_address(token: str) -> ResponseReturnValue:
    """Move the account of who is signed in to the address that the link went to."""
    expired, invalid, user, new_email = change_of_link(token)  # type: ignore[no-untyped-call]
    if expired or invalid or not user.active:
        flash(_("This link works no more. Ask for a new one."), "error")
        return redirect(url_for("security.change_email"))
    if signed_in() is None:
        return redirect(url_for("security.login", next=request.path))
    if somebody_else_than(user):
        return other_account(user)
    if request.method == "POST":
        old_email, user.email = user.email, new_email
        try:
            db.session.flush()
        except IntegrityError:  # somebody registered it a moment ago
            db.session.rollback()
            abort(409)
        if first_proof.confirm(user):
            login_user(user, authn_via=["confirm"])
        else:
            user.confirmed_at = utc_now()
        app = current_app._get_current_object()  # type: ignore[attr-defined]
        change_email_confirmed.send(app, user=user, old_email=old_email)
        flash(_("Your address is changed."), "success")
        return redirect(url_for("pages.user_profile"))
    return render_template("accounts/change_address.html", new_email=new_email)


def somebody_else_than(user: User) -> bool:
    here = signed_in()
    return here is not None and here.id != user.id


def other_account(user: User) -> ResponseReturnValue:
    return render_template("accounts/other_account.html", email=user.email), 403
