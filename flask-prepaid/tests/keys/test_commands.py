"""``flask prepaid keys``: what an operator does with the keys of customers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import URL

from .host import OWNER, Host, Program


def command(host: Host, *words: str, typed: str | None = None) -> Result:
    return host.app.test_cli_runner().invoke(args=["prepaid", "keys", *words], input=typed)


def test_an_operator_makes_lists_finds_and_revokes_a_key(host: Host) -> None:
    host.grant(10)

    made = command(host, "make", OWNER, "--name", "nightly job", "--limit", "2", "--until", "2999-01-31")
    assert made.exit_code == 0, made.output
    program = Program(host, made.stdout.strip())
    (key,) = host.prepaid.keys(OWNER)
    assert [program.get().status_code for _ in range(3)] == [200, 200, 402]

    (listed,) = json.loads(command(host, "list", OWNER, "--json").stdout)["keys"]
    (limit,) = listed["limits"]
    assert (listed["id"], listed["spender"], listed["name"]) == (key.id, f"key:{key.id}", "nightly job")
    assert (limit["credits"], limit["spent"], limit["left"], limit["every"]) == (2, 2, 0, "month")
    line = command(host, "list", OWNER).stdout
    assert "nightly job" in line
    assert "until 2999-01-31 00:00, 0 left of 2 a month" in line
    assert program.secret not in line

    answer = command(host, "find", typed=f"{program.secret}\n")
    assert answer.stdout.split("  ") == [OWNER, f"key {key.id}", "nightly job\n"]

    assert "has no key 99" in command(host, "revoke", OWNER, "99").stderr
    assert "--all" in command(host, "revoke", OWNER).stderr
    assert command(host, "revoke", OWNER, str(key.id)).exit_code == 0
    assert program.get().status_code == 401
    assert "revoked" in command(host, "find", typed=program.secret).stdout

    host.make_key("one")
    host.make_key("two")
    assert "Revoked: 2" in command(host, "revoke", OWNER, "--all").stderr
    assert command(host, "list", OWNER).stdout == ""


@pytest.mark.parametrize("kind", ["sqlite"])
def test_a_wrong_word_is_told_with_its_cure_and_makes_nothing(host: Host, database: URL) -> None:
    words: dict[str, tuple[str, ...]] = {
        "Give it a name": ("make", OWNER, "--name", " "),
        "time to come": ("make", OWNER, "--name", "x", "--until", "2020-01-01"),
        "CREDITS": ("make", OWNER, "--name", "x", "--limit", "0"),
        "Mars": ("make", OWNER, "--name", "x", "--limit", "5", "--zone", "Mars/Base"),
        "OWNER": ("make", "", "--name", "x"),
        "never made": ("find",),
    }
    for sentence, wrong in words.items():
        refused: Any = command(host, *wrong, typed="key_guess")
        assert refused.exit_code == 1, wrong
        assert sentence in refused.stderr, (wrong, refused.stderr)
    assert host.prepaid.keys(OWNER) == []

    without = Host(database, keys=False)
    refused = command(without, "list", OWNER)
    assert (refused.exit_code, "keys=True" in refused.stderr) == (1, True)
    without.close()
