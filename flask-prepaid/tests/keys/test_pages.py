"""The pages of API keys: make one, see it once, limit it, revoke it after a question."""

from __future__ import annotations

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import URL

from flask_prepaid import signals
from prepaid_ledger import Unit

from .host import OWNER, Host, Program


def secret_in(page: str) -> str:
    secret = re.search(r"key_[\w-]{43}", page)
    assert secret is not None, page
    return secret[0]


def test_a_customer_makes_limits_and_revokes_a_key(host: Host) -> None:
    host.grant(20)
    browser = host.browser()
    heard: list[tuple[str, object]] = []

    def hear(app: object, **values: object) -> None:
        heard.append(
            ("spender" if "spender" in values else "key", values.get("spender", values.get("key_id")))
        )

    for signal in (signals.key_made, signals.limit_set, signals.key_revoked):
        signal.connect(hear, host.app)

    made = browser.send(name=" billing job ", limit="5", every="month", zone="Europe/Berlin")
    program = Program(host, secret_in(made.text))
    assert made.headers["Cache-Control"] == "no-store"
    page = browser.get().text
    assert program.secret not in page
    assert "5 credits a month, 5 left" in page
    key = host.key("billing job")

    assert [program.fast().status_code for _ in range(6)] == [200] * 5 + [402]
    page = browser.get(f"/prepaid/keys/limits?key={key.id}").text
    assert "5 credits a month</strong>: 5 spent, 0 left; it begins anew on" in page
    assert "0:00 in Europe/Berlin" in page
    limits = f"/prepaid/keys/limits?key={key.id}"
    assert browser.send(limits, limit="7", every="month").status_code == 303
    assert [program.fast().status_code for _ in range(3)] == [200, 200, 402]
    assert browser.send(limits, every="month", remove="1").status_code == 303
    assert "No limit is set yet." in browser.get(limits).text
    assert program.fast().status_code == 200

    assert browser.send("/prepaid/keys/limits", limit="9", every="ever").status_code == 303
    assert "All keys together may spend 9 credits in all; 1 left." in browser.get().text
    assert [program.fast().status_code for _ in range(2)] == [200, 402]

    assert "It can't be undone" in browser.get().text
    revoke = f"/prepaid/keys/{key.id}/revoke"
    assert browser.send(revoke, form_of="/prepaid/keys").status_code == 303
    assert "No keys yet" in browser.get().text
    assert program.fast().status_code == 401
    assert browser.send(revoke, form_of="/prepaid/keys").status_code == 303, "as a second press does"
    limited = ("spender", key.spender)
    assert heard == [("key", key.id), *[limited] * 3, ("spender", None), ("key", key.id)]


TOMORROW = f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%d}"


@pytest.mark.parametrize("kind", ["sqlite"])
def test_a_wrong_form_makes_nothing_and_says_what_is_wrong(host: Host) -> None:
    browser = host.browser()
    for fields, words in (
        ({"name": ""}, "Give it a name"),
        ({"name": "a\x00b"}, "characters that can"),
        ({"name": "x", "limit": "-1"}, "Write a whole number of credits"),
        ({"name": "x", "limit": "0"}, "Write a whole number of credits"),
        ({"name": "x", "limit": "\u0663"}, "Write a whole number of credits"),
        ({"name": "x", "limit": "9" * 5_000}, "Write a whole number of credits"),
        ({"name": "x", "limit": "1", "every": "year"}, "Choose one of the windows"),
        ({"name": "x", "limit": "1", "zone": "Mars/Olympus"}, "Write a time zone"),
        ({"name": "x", "limit": "1", "zone": "../../etc/passwd"}, "Write a time zone"),
        ({"name": "x", "expires_on": "2020-01-01"}, "Choose a day after today"),
        ({"name": "x", "expires_on": "soon"}, "Choose a day after today"),
        ({"name": "x", "expires_on": "9999-12-31"}, "Choose a day after today"),
    ):
        refused = browser.send(**fields)
        assert (refused.status_code, words in refused.text) == (422, True), fields
    assert host.prepaid.keys(OWNER) == []
    assert host.prepaid.budgets(OWNER) == []
    assert browser.send(name="x", expires_on=TOMORROW).status_code == 200
    assert browser.send(name="x").status_code == 422
    for path in ("limits?key=2", "limits?key=x", "limits?key=" + "9" * 40):
        assert browser.get(f"/prepaid/keys/{path}").status_code == 404
    for number in ("2", "x", "9" * 40):
        assert browser.send(f"/prepaid/keys/{number}/revoke", form_of="/prepaid/keys").status_code == 404
    refused = browser.send("/prepaid/keys/limits", limit="none")
    assert (refused.status_code, "Write a whole number of credits" in refused.text) == (422, True)
    stranger = host.app.test_client().get("/prepaid/keys")
    assert stranger.status_code == 401


def test_of_many_made_at_once_there_are_no_more_than_may_be_and_one_of_each_name(host: Host) -> None:
    def make(n: int) -> str:
        with host.app.app_context():
            try:
                host.prepaid.make_key(OWNER, name=f"job {n % 24}")
                host.db.session.commit()
            except Exception as error:
                host.db.session.rollback()
                return type(error).__name__
            return "made"

    with ThreadPoolExecutor(8) as threads:
        made = Counter(threads.map(make, range(48)))

    assert made == {"made": 20, "UnknownItem": 28}
    assert len(host.prepaid.keys(OWNER)) == 20


@pytest.mark.parametrize("kind", ["sqlite"])
def test_a_limit_is_written_and_read_in_the_unit_of_the_host(database: URL) -> None:
    host = Host(database, unit=Unit("token", scale=3))
    host.grant(5_000)
    browser = host.browser()

    made = browser.send(name="billing job", limit="0.001", every="day")
    assert "Limit, in tokens (optional)" in made.text
    program = Program(host, secret_in(made.text))
    key = host.key("billing job")
    limits = f"/prepaid/keys/limits?key={key.id}"
    assert browser.send(limits, limit="0.0001").status_code == 422
    assert browser.send(limits, limit="2.5", every="month").status_code == 303

    assert [program.get().status_code, program.fast().status_code] == [200, 402]
    page = browser.get().text
    assert "0.001 tokens a day, 0 left" in page
    assert "2.5 tokens a month, 2.499 left" in page
    assert host.prepaid.audit() == []
    host.close()
