"""Mails that strangers can have us send: so many from one address, and to one mailbox."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from flask import Flask, current_app, request

from . import known_browsers
from .rates import client_address, customer, limiter

#: New accounts from one address: each new mailbox comes with free credits.
REGISTER = "20 per hour; 50 per day"
#: Mails that somebody can have us send, from one address. A customer's own are counted by customer, too.
MAIL = "5 per minute; 20 per hour"
#: Mails that all together can have us send to one mailbox. Each of them has a link that works.
MAILBOX = "20 per hour"
#: How many of those one address may ask for: nobody uses up alone what the owner of the mailbox needs.
SHARE = "5 per hour"


def guard(app: Flask, mailbox_of: Callable[[str], str], account_of: known_browsers.AccountOf) -> None:
    """Limit the views that write to an address which a stranger names.

    :param mailbox_of: Says where mails to an address arrive, which can be written in many ways.
    :param account_of: Says which account a form names. Browsers that are known there are counted apart.
    """

    app.extensions["rando_mailboxes"] = (mailbox_of, account_of)
    to_mailbox = ((SHARE, share), (MAILBOX, mailbox))
    for endpoint, limits in (
        ("security.register", ((REGISTER, client_address), *to_mailbox)),
        ("security.forgot_password", ((MAIL, client_address), *to_mailbox)),
        ("security.reset_password", ((MAIL, client_address),)),
        ("security.send_confirmation", ((MAIL, client_address), *to_mailbox)),
        ("security.change_email", ((MAIL, client_address), (MAIL, customer), *to_mailbox)),
    ):
        if view := app.view_functions.get(endpoint):
            for rate, counter in limits:
                guarded: Any = limiter.limit(rate, key_func=counter, methods=["POST"])
                view = guarded(view)
            app.view_functions[endpoint] = view


# flask-limiter counts by functions of a module: one that is made anew for each app would count again.


def named() -> str:
    return request.form.get("email", "")[:255].strip()


def mailbox() -> str:
    """The counter of the mailbox that a form names, whether anybody has it or not."""
    mailbox_of, account_of = current_app.extensions["rando_mailboxes"]
    own = known_browsers.name_at(account_of(named()))
    if own is not None:
        return f"browser:{own}"
    where = mailbox_of(named()) if named() else client_address()
    return f"mailbox:{hashlib.sha256(where.encode('utf-8', 'replace')).hexdigest()}"


def share() -> str:
    return f"{mailbox()}:{client_address()}"
