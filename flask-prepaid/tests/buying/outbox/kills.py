"""Processes that tell, and are killed with -9 between a commit and what it tells; what was heard is counted.

Run as a program it imports all once, and forks a process for each line on its standard input.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import URL, select, update

from flask_prepaid import Prepaid, signals
from flask_prepaid.context import transaction
from flask_prepaid.outbox import summary
from flask_prepaid.outbox.models import Delivery, DeliveryState, Message, OffBecause, WebhookEndpoint
from prepaid_ledger import Entry, PrepaidError
from prepaid_ledger.clock import wall

OWNERS = ["user:1", "user:2", "user:3"]

#: So often messages are written, for a process to be warm, and for how long one of them takes.
ROUNDS = 5

#: The number of the process that measures; no other one has it.
MEASURED = 100_000

#: A process is killed within the time of so many, or within this many seconds.
KILLED_WITHIN, KILLED_WITHIN_S = 8, 0.12

#: Each process lives so much later than the one before: what a killed one held is free again.
LATER = timedelta(minutes=2)


class Program(Protocol):
    """A customer's program: where it is, and what it has heard, as id and body."""

    url: str
    heard: list[tuple[str, dict[str, Any]]]


@dataclass
class Toll:
    """What came of it. All is well if ``wrong`` is empty.

    ``unsent`` messages were left by those killed, ``paused`` ones of them for an endpoint that was off.
    """

    kills: int = 0
    messages: int = 0
    unsent: int = 0
    paused: int = 0
    repeated: int = 0
    wrong: list[str] = field(default_factory=list)


def shop(url: URL | str, heard: Path, clock: Callable[[], datetime]) -> tuple[Flask, Prepaid]:
    """A shop whose receiver and whose mailer append to a file what they hear, with its id."""
    app = Flask("shop")
    app.config.update(
        TESTING=True,
        SECRET_KEY="of the tests",
        SQLALCHEMY_DATABASE_URI=url,
        PREPAID_BASE_URL="https://shop.example",
        PREPAID_LOCAL_WEBHOOKS=True,
    )
    log = os.open(heard, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def hear(_: Flask, *, payment_id: int, **more: Any) -> None:
        os.write(log, f"receiver {payment_id} {signals.message_id()}\n".encode())

    def mail(address: str, subject: str, text: str) -> None:
        os.write(log, f"mail {subject.split()[2].replace(',', '')} {signals.message_id()}\n".encode())

    prepaid = Prepaid(app, SQLAlchemy(app), owner=lambda: None, clock=clock, email=str, mail=mail)
    signals.credits_added.connect(hear, sender=app, weak=False)
    return app, prepaid


def work(app: Flask, prepaid: Prepaid, number: int, times: int = 900) -> None:
    """Give credits and tell of it, again and again; now and then be the tick, too."""
    chance = random.Random(number)
    for count in range(1, times + 1):
        owner, what = chance.choice(OWNERS), number * 1_000 + count
        try:
            with app.app_context():
                with transaction(prepaid) as session:
                    prepaid.grant(owner, 1, key=f"gift:{what}", reason="kind")
                    added = {"owner": owner, "credits": 1, "payment_id": what}
                    signals.after_commit(session, signals.credits_added, **added)
                    low = {"owner": owner, "credits": what, "threshold": what}
                    signals.after_commit(session, signals.balance_low, **low)
                if chance.random() < 0.3:
                    prepaid.outbox.deliver_due(prepaid)
                if chance.random() < 0.2:
                    switch(prepaid, owner)
        except PrepaidError:  # the database is busy: the next one
            continue


def switch(prepaid: Prepaid, owner: str) -> None:
    """Have an endpoint off, as one that failed for days is, or on again, as its owner has it."""
    for endpoint in prepaid.endpoints(owner):
        if endpoint.off_because is not None:
            prepaid.switch_endpoint(owner, endpoint.id, on=True)
            continue
        with transaction(prepaid) as session:
            this = update(WebhookEndpoint).where(WebhookEndpoint.id == endpoint.id)
            session.execute(this.values(off_because=OffBecause.FAILED))


def serve(url: str, heard: Path) -> None:
    """Say how many seconds a message takes; fork a process for each number that is read, and say its id."""
    offset = [0]
    app, prepaid = shop(url, heard, lambda: wall() + offset[0] * LATER)
    work(app, prepaid, 0, times=ROUNDS)  # so that what is forked has compiled its statements
    begun = time.monotonic()
    work(app, prepaid, MEASURED, times=ROUNDS)
    os.write(1, f"{(time.monotonic() - begun) / ROUNDS}\n".encode())
    with app.app_context():
        prepaid.engine.dispose()
    for line in sys.stdin:
        offset[0] = int(line)
        child = os.fork()
        if child == 0:
            os.write(1, f"{os.getpid()}\n".encode())
            with app.app_context():
                prepaid.engine.dispose(close=False)
                prepaid.balance(OWNERS[0])  # it is connected
            os.write(1, b"begun\n")
            work(app, prepaid, int(line))
            os._exit(1)
        os.waitpid(child, 0)
        os.write(1, b"ended\n")


@contextmanager
def forking(url: URL, heard: Path) -> Iterator[tuple[float, Callable[[int, float], None]]]:
    """How long a message takes, and what starts a process and kills it so many seconds after it has begun."""
    words = [sys.executable, __file__, url.render_as_string(hide_password=False), str(heard)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        stdin, stdout = server.stdin, server.stdout
        message_s = float(stdout.readline())

        def run(number: int, seconds: float) -> None:
            stdin.write(f"{number}\n")
            stdin.flush()
            child = int(stdout.readline())
            assert stdout.readline() == "begun\n"
            time.sleep(seconds)
            os.kill(child, signal.SIGKILL)
            assert stdout.readline() == "ended\n"

        yield message_s, run
        stdin.close()


def kill(
    url: URL,
    folder: Path,
    program: Program,
    *,
    kills: int,
    seed: int,
) -> Toll:
    """Kill so many processes as they tell, let one live that makes up for them, and count.

    :param program: Where the webhooks of all owners go.
    """
    toll, chance, heard, now = Toll(kills=kills), random.Random(seed), folder / "heard.log", [0]
    app, prepaid = shop(url, heard, lambda: wall() + now[0] * LATER)
    with app.app_context():
        for owner in OWNERS:
            prepaid.add_endpoint(owner, program.url)
    left: set[str] = set()
    paused: set[str] = set()
    with forking(url, heard) as (message_s, run):
        for number in range(1, kills + 1):
            run(number, chance.uniform(0, max(KILLED_WITHIN_S, KILLED_WITHIN * message_s)))
            with app.app_context():
                paused |= unsent(prepaid, DeliveryState.PAUSED)
                left |= paused | unsent(prepaid, DeliveryState.WAITING)
    now[0] = kills
    with app.app_context():
        for owner in OWNERS:
            for endpoint in prepaid.endpoints(owner):
                prepaid.switch_endpoint(owner, endpoint.id, on=True)
    for _ in range(60):
        now[0] += 200  # hours later
        with app.app_context():
            prepaid.outbox.deliver_due(prepaid)
            if not summary.waiting(prepaid.session):
                break
    toll.unsent, toll.paused = len(left), len(paused)
    with app.app_context():
        count(prepaid, heard, program.heard, toll)
        toll.wrong += [str(problem) for problem in prepaid.audit()]
        engine = prepaid.engine
    engine.dispose()
    return toll


def unsent(prepaid: Prepaid, state: DeliveryState) -> set[str]:
    """The messages of which a delivery stands so at this moment."""
    deliveries = select(Delivery.message_id).where(Delivery.state == state)
    return set(prepaid.session.scalars(select(Message.uid).where(Message.id.in_(deliveries))))


def count(prepaid: Prepaid, heard: Path, hooks: list[tuple[str, dict[str, Any]]], toll: Toll) -> None:
    """Compare what was committed with what was heard, at the receiver, by mail and by webhook."""
    given = {
        int(key.partition(":")[2])
        for key in prepaid.session.scalars(select(Entry.key).where(Entry.key.startswith("gift:")))
    }
    ids: dict[str, dict[int, list[str]]] = {
        "receiver": {},
        "mail": {},
        "credits.added": {},
        "balance.low": {},
    }
    for line in heard.read_text().splitlines():
        where, what, uid = line.split()
        ids[where].setdefault(int(what), []).append(uid)
    for uid, body in hooks:
        data = body["data"]
        ids[body["type"]].setdefault(data.get("payment_id") or data["credits"], []).append(uid)
    for where, by_number in ids.items():
        toll.wrong += [f"{where} was not told of {what}" for what in sorted(given - by_number.keys())]
        toll.wrong += [f"{where} was told of {what}, which never was" for what in by_number.keys() - given]
        toll.wrong += [
            f"{where}: {what} has two ids" for what, uids in by_number.items() if len(set(uids)) > 1
        ]
        toll.repeated += sum(len(uids) - 1 for uids in by_number.values())
    messages = prepaid.session.execute(select(Message.uid, Message.owner).order_by(Message.id)).all()
    toll.messages = len(messages)
    order: dict[str, list[str]] = defaultdict(list)
    for uid, owner in messages:
        order[owner].append(uid)
    owner_of = {row.uid: row.owner for row in messages}
    came = [uid for uid, _ in hooks]
    for owner, uids in order.items():
        first = list(dict.fromkeys(uid for uid in came if owner_of.get(uid) == owner))
        if first != uids:
            toll.wrong.append(f"the webhooks of {owner} came in another order")


if __name__ == "__main__":
    serve(sys.argv[1], Path(sys.argv[2]))
