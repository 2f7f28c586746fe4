"""The fast path: one call and one INSERT of the host's, with or without Flask, and never twice."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, insert, select, text, update

from flask_prepaid import CallsPerMinute, FastPath, Keys, Sale
from flask_prepaid.errors import ConfigError
from flask_prepaid.fast_path.requests import SaleRequest
from prepaid_ledger.errors import Busy

from .host import FROM_LOCALHOST, OWNER, Host, Program, client_of, report

WAYS = ("fast", "get")


def test_both_ways_sell_the_same_and_refuse_the_same(host: Host) -> None:
    host.grant(6)
    program = host.make_key()
    flask, fast = program.get("/roll?sides=12"), program.fast("/roll?sides=12")
    assert flask.status_code == fast.status_code == 200
    assert flask.json is not None
    assert fast.json is not None
    assert (flask.json["balance"], fast.json["balance"]) == (4, 2)
    assert fast.headers["Content-Type"] == flask.headers["Content-Type"] == "application/json"
    assert int(flask.headers["RateLimit-Remaining"]) - int(fast.headers["RateLimit-Remaining"]) == 1
    assert host.prepaid.entries(OWNER)[0].spender == program.spender

    for way in WAYS:
        ask = getattr(program, way)
        assert ask("/roll?sides=7").json["error"]["code"] == "invalid_parameter"
        assert ask("/roll", **{"Idempotency-Key": ""}).status_code == 400
        assert ask("/roll", **{"Idempotency-Key": "\u00e9"}).status_code == 400
    assert host.app.test_client().head("/roll", headers={"X-Owner": OWNER}).status_code == 405
    assert program.fast("/roll?sides=12").status_code == 200
    for way in WAYS:
        refused = getattr(program, way)("/roll?sides=12")
        assert (refused.status_code, refused.json["error"]["needed"]) == (402, 2)
    assert (host.prepaid.balance(OWNER), host.rolls()) == (0, 3)
    browser = host.app.test_client().get("/roll", headers={"X-Owner": "user:2"})
    assert browser.status_code == 402


def test_a_request_that_has_a_name_is_sold_once_whichever_way_it_comes(host: Host) -> None:
    host.grant(10)
    program, name = host.make_key(), {"Idempotency-Key": "once"}

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda n: getattr(program, WAYS[n % 2])("/roll", **name), range(32)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({str(answer.json) for answer in answers}) == 1
    assert (host.prepaid.balance(OWNER), host.rolls()) == (9, 1)
    for way in WAYS:
        conflict = getattr(program, way)("/roll?sides=12", **name)
        assert (conflict.status_code, conflict.json["error"]["code"]) == (409, "idempotency_conflict")
    other = host.make_key("other")
    assert other.fast("/roll", **name).json == answers[0].json  # it is the owner's request, not the key's

    host.prepaid.revoke_key(OWNER, program.key_id)
    host.db.session.commit()
    assert [getattr(program, way)("/roll", **name).status_code for way in WAYS] == [401, 401]

    host.db.session.execute(update(SaleRequest).values(at=text("'2020-01-01 00:00:00'")))
    host.db.session.commit()
    assert other.fast("/roll", **name).json != answers[0].json  # a day later it is another one's name
    assert (host.prepaid.balance(OWNER), host.rolls()) == (8, 2)


class NoAnswer:
    """Spends that are committed, and whose callers don't hear of it: the first one."""

    def __init__(self, ledger: Any) -> None:
        self.ledger = ledger
        self.lost = 0

    async def spend_now(self, owner: str, **terms: Any) -> Any:
        spent = await self.ledger.spend_now(owner, **terms)
        if self.lost == 0:
            self.lost += 1
            raise Busy("The database did not answer.")
        return spent


def test_a_repeat_after_503_gets_what_was_paid_for(host: Host) -> None:
    host.grant(10)
    program = host.make_key()
    asgi = FastPath(host.app, {"/roll": host.sale})
    asgi.ledger = NoAnswer(asgi.ledger)  # type: ignore[assignment]
    headers = {"Authorization": f"Bearer {program.secret}", "Idempotency-Key": "a"}
    client = client_of(asgi)

    lost = client.get("/roll", headers=headers, environ_base=FROM_LOCALHOST)
    again = client.get("/roll", headers=headers, environ_base=FROM_LOCALHOST)

    assert (lost.status_code, "Retry-After" in lost.headers) == (503, True)
    assert again.status_code == 200
    assert again.json is not None
    assert (again.json["balance"], host.prepaid.balance(OWNER), host.rolls()) == (9, 9, 1)


class NoAnswerOfCommit:
    """Spends whose commit is not answered: the ledger makes each again, and its key tells what was posted."""

    def __init__(self, ledger: Any) -> None:
        self.ledger = ledger

    async def spend_now(self, owner: str, **terms: Any) -> Any:
        await self.ledger.spend_now(owner, **terms)
        return await self.ledger.spend_now(owner, **terms)


def test_a_call_without_a_name_is_sold_once_though_its_commit_is_not_answered(host: Host) -> None:
    host.grant(10)
    asgi = FastPath(host.app, {"/roll": host.sale})
    asgi.ledger = NoAnswerOfCommit(asgi.ledger)  # type: ignore[assignment]
    headers = {"Authorization": f"Bearer {host.make_key().secret}"}

    sold = client_of(asgi).get("/roll", headers=headers, environ_base=FROM_LOCALHOST)

    assert (host.prepaid.balance(OWNER), host.rolls()) == (9, 1)
    assert sold.json == {"balance": 9, "id": host.db.session.scalar(select(host.roll.id)), "value": 6}


def test_a_call_refused_for_want_of_credits_is_sold_under_its_name_later(host: Host) -> None:
    program, name = host.make_key(), {"Idempotency-Key": "a"}
    assert program.fast("/roll?sides=12", **name).status_code == 402

    host.grant(2)  # and the name is free for another request, until something is sold

    assert program.fast("/roll", **name).status_code == program.get("/roll", **name).status_code == 200
    assert (host.prepaid.balance(OWNER), host.rolls()) == (1, 1)


@pytest.mark.parametrize("kind", ["sqlite"])
def test_calls_and_guesses_are_limited_and_the_answer_says_when_again(database: URL) -> None:
    now_s = 120.0
    host = Host(database, Keys(prefix="acme_", calls=CallsPerMinute(3, 2, clock_s=lambda: now_s)))
    host.grant(10)
    program = host.make_key()
    assert program.secret.startswith("acme_")

    answers = [getattr(program, WAYS[n % 2])() for n in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0", "0"]
    assert answers[3].headers["Retry-After"] == answers[3].headers["RateLimit-Reset"] == "80"
    assert answers[3].json is not None
    assert answers[3].json["error"]["retry_after"] == 80
    now_s = 180.0  # a minute later all of the last one's calls still lie within 60 s
    assert program.fast().status_code == 429
    now_s = 199.0
    assert program.fast().headers["Retry-After"] == "1"
    now_s = 200.0  # 80 s after the first refusal, as it said
    assert program.fast().status_code == 200
    now_s = 300.0
    assert program.fast().status_code == 200

    wrong = Program(host, "acme_guess")
    answers = [getattr(wrong, WAYS[n % 2])() for n in range(4)]
    assert [answer.status_code for answer in answers] == [401, 401, 429, 429]
    assert ["RateLimit-Remaining" in answer.headers for answer in answers] == [False, False, True, True]
    assert host.prepaid.balance(OWNER) == 5
    host.close()


#: Calls as fast as it can, in a process of its own; says how many were sold.
CALLS = """
import sys
sys.path.insert(0, sys.argv[3])
from keys.host import Host, Program
program = Program(Host(sys.argv[1]), sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
print(program.sold_at_once(30))
"""


@pytest.mark.parametrize("kind", ["postgresql"])
def test_two_processes_sell_exactly_what_a_key_may_spend(host: Host, database: URL) -> None:
    host.grant(100)
    program = host.make_key()
    host.prepaid.set_budget(OWNER, 20, spender=program.spender, every="month")
    host.db.session.commit()
    words = [database.render_as_string(hide_password=False), program.secret, str(Path(__file__).parents[1])]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    other: Any
    with subprocess.Popen([sys.executable, "-c", CALLS, *words], **pipes) as other:
        assert other.stdout.readline() == "ready\n"
        other.stdin.write("go\n")
        other.stdin.flush()
        here = program.sold_at_once(30)
        there = int(other.stdout.readline())

    assert (here + there, host.rolls(), host.prepaid.balance(OWNER)) == (20, 20, 80)
    assert host.prepaid.budgets(OWNER)[0].left == 0


@pytest.mark.parametrize("kind", ["sqlite"])
def test_what_is_set_up_wrongly_is_said_at_the_start(database: URL) -> None:
    host = Host(database)
    with pytest.raises(ConfigError, match="no view at /else"):
        FastPath(host.app, {"/else": host.sale})
    with pytest.raises(ConfigError, match="needs a Sale"):
        FastPath(host.app, {"/roll": host.view})  # type: ignore[dict-item]
    with pytest.raises(ConfigError, match="no column of the primary key"):
        Sale(insert(host.roll), row=dict, answer=dict, id="value")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="at='when'"):
        Sale(insert(host.roll), row=dict, answer=dict, at="when")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="credits"):
        Sale(insert(host.roll), row=dict, answer=dict, credits=0)  # type: ignore[arg-type]
    unfit: dict[str, Any] = {"row": lambda caller: {}, "answer": 7, "read": "ask", "credits": lambda: 1}
    for name, function in unfit.items():
        functions = {"row": dict, "answer": dict, name: function}
        with pytest.raises(ConfigError, match=rf"Sale\({name}=...\) is .*(Give it|It is called)"):
            Sale(insert(host.roll), **functions)
    for wrong in ({"prefix": "Acme"}, {"max_per_owner": 0}, {"calls": 7}):
        with pytest.raises(ConfigError, match=r"Keys\("):
            Keys(**wrong)
    for limits in ({"calls": 0}, {"calls": 1.5}, {"wrong_keys": 0}, {"wrong_keys": -1}, {"calls": True}):
        with pytest.raises(ConfigError, match=r"CallsPerMinute\(.*Write a whole number from 1 to"):
            CallsPerMinute(**limits)
    host.close()
    without = Host(database, keys=False)
    with pytest.raises(ConfigError, match="keys=True"):
        FastPath(without.app, {"/roll": without.sale})
    without.close()


@pytest.mark.parametrize("kind", ["sqlite"])
def test_a_row_has_the_time_of_its_sale_by_the_clock_of_the_books(database: URL) -> None:
    noon = datetime(2031, 5, 6, 12, tzinfo=UTC)
    host = Host(database, clock=lambda: noon)
    host.grant(10)
    program = host.make_key()

    assert program.fast().status_code == program.get().status_code == 200

    at = {row.replace(tzinfo=UTC) for row in host.db.session.scalars(select(host.roll.at))}
    assert at == {entry.at for entry in host.prepaid.entries(OWNER)} == {noon}
    host.close()


@pytest.mark.parametrize("kind", ["sqlite"])
def test_what_has_threads_of_its_own_is_answered_while_all_others_are_busy(database: URL) -> None:
    host = Host(database)
    began, over = threading.Event(), threading.Event()

    def long() -> str:
        began.set()
        return "done" if over.wait(60) else "nobody was answered meanwhile"

    host.app.add_url_rule("/long", view_func=long)
    host.app.add_url_rule("/alive", view_func=report, endpoint="alive")
    host.app.add_url_rule("/files/one", view_func=report, endpoint="file")
    client = client_of(FastPath(host.app, {"/roll": host.sale}, threads=1, apart={("/alive", "/files/"): 1}))
    with ThreadPoolExecutor(1) as elsewhere:
        busy = elsewhere.submit(client.get, "/long", environ_base=FROM_LOCALHOST)
        assert began.wait(60)
        for path in ("/alive", "/files/one"):
            assert client.get(path, environ_base=FROM_LOCALHOST).text == "a report"
        over.set()
        assert busy.result().text == "done"
    host.close()


def test_names_are_forgotten_after_a_day(host: Host) -> None:
    host.grant(10)
    program = host.make_key()
    program.fast("/roll", **{"Idempotency-Key": "old"})
    host.db.session.execute(update(SaleRequest).values(at=text("'2020-01-01 00:00:00'")))
    host.db.session.commit()
    program.fast("/roll", **{"Idempotency-Key": "new"})

    host.app.test_cli_runner().invoke(args=["prepaid", "tick"])

    assert host.db.session.query(SaleRequest).count() == 1
    assert Counter(entry.kind for entry in host.prepaid.entries(OWNER)) == {"spend": 2, "grant": 1}
    again = program.fast("/roll?sides=12", **{"Idempotency-Key": "old"})  # free for another request, too
    repeat = program.fast("/roll", **{"Idempotency-Key": "new"})
    assert [roll.json and roll.json["value"] for roll in (again, repeat)] == [12, 6]
    assert (host.prepaid.balance(OWNER), host.rolls()) == (6, 3)
    host.prepaid.revoke_key(OWNER, program.key_id)
    host.db.session.commit()
    for name in ("old", "new", "another"):
        assert program.fast("/roll", **{"Idempotency-Key": name}).status_code == 401
