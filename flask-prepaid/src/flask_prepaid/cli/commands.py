"""``flask prepaid ...``: what an operator types, and what cron runs. Exit codes are for cron."""

from __future__ import annotations

from .archive import archive, archived
from .audit import audit
from .by_hand import grant, refund, review
from .codes import codes
from .connect import connect
from .copy import copy
from .doctor import doctor
from .group import Commands
from .keys import keys
from .listen import listen
from .outbox import outbox
from .reconcile import reconcile
from .replay import replay
from .report import report
from .show import show
from .sync import sync
from .tick import tick
from .upgrade import upgrade

#: Each by its name, in the order of the names.
COMMANDS = (
    archive,
    archived,
    audit,
    codes,
    connect,
    copy,
    doctor,
    grant,
    keys,
    listen,
    outbox,
    reconcile,
    refund,
    replay,
    report,
    review,
    show,
    sync,
    tick,
    upgrade,
)

commands = Commands("prepaid", help="Prepaid credits: upkeep, checks, and what is done by hand.")
for command in COMMANDS:
    commands.add_command(command)
