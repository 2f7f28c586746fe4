"""The host's functions: what each is called with, and whether its clock gives a time."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from datetime import datetime

from flask import Flask

from prepaid_ledger.clock import Clock

from .. import checks

#: What each function of the host's is called with.
TAKES = {
    "clock": (),
    "owner": (),
    "email": ("owner",),
    "mail": ("address", "subject", "text"),
    "trial": ("owner",),
    "language": ("owner",),
}


def check_functions(functions: Mapping[str, object]) -> None:
    """
    :raises ConfigError: One of them can't be called as it will be.
    """
    for name, function in functions.items():
        if function is not None:
            also = ("html",) if name == "mail" and takes_html(function) else ()
            checks.function(f"Prepaid({name}=...)", function, *TAKES[name], also=also)


def takes_html(mail: object) -> bool:
    """Whether the host's mailer takes the HTML by name, beside address, subject and text."""
    try:
        inspect.signature(mail).bind(*TAKES["mail"], html="html")  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    return True


def check_clock(app: Flask, clock: Clock) -> None:
    """
    :raises ConfigError: It is no function, or gives no time, or one without its zone.
    """
    check_functions({"clock": clock})
    with app.app_context():
        now: object = clock()
    if not isinstance(now, datetime) or now.utcoffset() is None:
        cure = "Let it give a time with its zone, such as datetime.now(UTC)."
        checks.refuse("What Prepaid(clock=...) gave", now, cure)
