"""API keys by verbs: made, shown once, spent with, limited, and revoked at once everywhere."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from flask_prepaid import ApiKey, BudgetExceeded, NewKey, Operators
from flask_prepaid.errors import ConfigError, UnknownItem
from flask_prepaid.keys.cache import CACHED_FOR_S, KeyCache, digest_of
from prepaid_ledger import Ledger

from .host import OWNER, Host, Program


def test_a_program_spends_with_its_key_until_it_is_revoked(host: Host) -> None:
    host.grant(10)
    program = host.make_key("billing job")
    assert program.secret.startswith("key_")
    kept = host.key("billing job")
    assert (program.secret in str(vars(kept)), kept.start) == (False, program.secret[:8])

    assert program.get("/report").status_code == 200
    assert program.get().json == {"value": 6, "id": host.prepaid.entries(OWNER)[0].key, "balance": 6}
    assert [entry.spender for entry in host.prepaid.entries(OWNER, 2)] == [program.spender] * 2
    assert host.key("billing job").last_used_at is not None

    assert host.prepaid.revoke_key("user:2", program.key_id) is False
    assert host.prepaid.revoke_key(OWNER, program.key_id) is True
    host.db.session.commit()
    assert host.prepaid.revoke_key(OWNER, program.key_id) is False
    for path in ("/report", "/roll"):
        refused = program.get(path)
        assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert refused.json is not None
        assert refused.json["error"]["code"] == "unauthenticated"
    assert host.prepaid.keys(OWNER) == []
    assert host.make_key("billing job").get().status_code == 200  # its name is free again


def test_a_key_that_another_process_revoked_buys_nothing_while_it_is_remembered(host: Host) -> None:
    host.grant(10)
    program = host.make_key()
    assert program.fast().status_code == program.get().status_code == 200

    with host.app.app_context():  # as another process would: this one still remembers the key
        cache, other = host.prepaid.require_keys().cache, Ledger(host.prepaid.engine)
        host.db.session.execute(update(ApiKey).values(revoked_at=datetime.now(UTC)))
        host.db.session.commit()
        other.set_budget(OWNER, 0, spender=program.spender, every="day")
    assert len(cache) == 1

    assert program.fast().status_code == 401
    assert len(cache) == 0
    assert (
        program.fast().status_code == program.get().status_code == program.get("/report").status_code == 401
    )
    assert (host.prepaid.balance(OWNER), host.rolls()) == (8, 2)


def test_an_owner_who_is_shut_out_has_no_keys(host: Host) -> None:
    host.grant(10)
    program, ours = host.make_key(), host.prepaid.require_keys().cache
    assert program.fast().status_code == 200
    object.__setattr__(host.prepaid.operators, "blocked", host.blocked.__contains__)

    host.blocked.add(OWNER)
    ours.forget()

    assert (
        program.fast().status_code == program.get().status_code == program.get("/report").status_code == 401
    )
    host.blocked.clear()
    assert program.fast().status_code == 200


def test_a_host_is_asked_once_who_of_many_callers_is_shut_out(host: Host) -> None:
    secrets = {owner: host.prepaid.make_key(owner, name="x").secret for owner in (OWNER, "user:2", "user:3")}
    host.db.session.commit()
    questions: list[set[str]] = []

    def blocked_among(owners: Collection[str]) -> set[str]:
        questions.append(set(owners))
        return {"user:2"} & set(owners)

    host.prepaid.operators = Operators(
        current=lambda: None, blocked={"user:2"}.__contains__, blocked_among=blocked_among
    )
    watch = [1000.0]
    cache = KeyCache(host.prepaid.engine, host.prepaid.operators.shut_out, lambda: watch[0])
    callers = {owner: cache.find(digest_of(secret)) for owner, secret in secrets.items()}
    assert [owner for owner, caller in callers.items() if caller is None] == ["user:2"]
    assert cache.find(digest_of(secrets["user:3"])) is not None  # so it is in use

    questions.clear()
    watch[0] += CACHED_FOR_S - 1
    assert cache.find(digest_of(secrets[OWNER])) is not None

    assert questions == [{OWNER, "user:3"}]  # it renews both together, and user:2 is not remembered


def test_a_wrong_key_opens_nothing_and_a_stranger_is_told_how(host: Host) -> None:
    for secret in ("", "key_", "key_" + "x" * 43, "\u00ff", "another scheme's"):
        for answer in (
            Program(host, secret).get(),
            Program(host, secret).fast(),
            Program(host, secret).get("/report"),
        ):
            assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    signed_in = Program(host, "of.the.host").get("/report", **{"X-Owner": OWNER})
    assert signed_in.status_code == 402  # a token of the host's own says who it is to the host
    wrong_key = Program(host, "key_wrong").get("/report", **{"X-Owner": OWNER})
    assert wrong_key.status_code == 401


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"name": "one\r\nanother"}, "name"),
        ({"name": "\u202egnp"}, "name"),
        ({"name": None}, "name"),
        ({"name": "x", "expires_at": datetime(2020, 1, 1, tzinfo=UTC)}, "expires_on"),
        ({"name": "x", "expires_at": datetime(2100, 1, 1)}, "expires_on"),  # noqa: DTZ001
    ],
)
def test_a_key_that_cannot_be_is_refused_by_its_field(
    host: Host, terms: dict[str, object], field: str
) -> None:
    with pytest.raises(UnknownItem) as refused:
        host.prepaid.make_key(OWNER, **terms)  # type: ignore[arg-type]

    assert refused.value.field == field
    assert host.prepaid.keys(OWNER) == []


def test_a_key_ends_by_itself(host: Host) -> None:
    host.grant(10)
    made = host.prepaid.make_key(OWNER, name="soon", expires_at=datetime.now(UTC) + timedelta(days=1))
    host.db.session.commit()
    program = Program(host, made.secret, made.id)
    assert program.fast().status_code == 200

    host.db.session.execute(update(ApiKey).values(expires_at=datetime.now(UTC)))
    host.db.session.commit()
    host.prepaid.require_keys().cache.forget()

    assert program.fast().status_code == program.get("/report").status_code == 401


def test_an_owner_has_so_many_keys_and_revokes_all_at_once(host: Host) -> None:
    programs = [host.make_key(f"job {n}") for n in range(20)]
    with pytest.raises(UnknownItem, match="20 keys are the most"):
        host.prepaid.make_key(OWNER, name="one more")
    host.prepaid.make_key("user:2", name="one of another")

    assert host.prepaid.revoke_keys(OWNER) == 20

    host.db.session.commit()
    assert host.prepaid.keys(OWNER) == []
    assert len(host.prepaid.keys("user:2")) == 1
    assert programs[7].get().status_code == 401
    assert {len(program.secret) for program in programs} == {len("key_") + 43}  # 256 bits of chance
    assert len({program.secret for program in programs}) == 20


def test_a_budget_of_a_key_is_kept_by_all_that_it_calls(host: Host) -> None:
    host.grant(100)
    program, other = host.make_key("one"), host.make_key("other")
    host.prepaid.set_budget(OWNER, 5, spender=program.spender, every="month", zone="Europe/Berlin")
    host.db.session.commit()

    assert [program.fast().status_code, program.get("/report").status_code] == [200, 200]
    refused = program.get("/report")
    assert refused.status_code == 402
    assert refused.json is not None
    error = refused.json["error"]
    assert (error["code"], error["spender"], error["left"]) == ("budget_exceeded", program.spender, 1)
    assert "the budget of 'one', 5 a month, has 1 left" in error["message"]
    assert [program.fast().status_code, program.fast().status_code] == [200, 402]
    assert other.fast().status_code == 200
    with pytest.raises(BudgetExceeded):
        host.prepaid.spend_now(OWNER, credits=1, key="by hand", spender=program.spender)


def test_without_keys_there_are_no_pages_and_no_verbs(database: object) -> None:
    host = Host(database, keys=False)  # type: ignore[arg-type]
    assert host.browser().get().status_code == 404
    with pytest.raises(ConfigError, match="keys=True"):
        host.prepaid.make_key(OWNER, name="x")
    refused = host.app.test_client().get("/report", headers={"Authorization": "Bearer key_x"})
    assert (refused.status_code, "WWW-Authenticate" in refused.headers) == (401, False)
    host.close()


def test_a_new_key_does_not_show_itself_in_a_log() -> None:
    made = NewKey(7, "key_" + "s" * 43, "key:7")

    assert repr(made) == "NewKey(id=7, secret='key_ssss...', spender='key:7')"
