"""A verb of ``Prepaid`` is called wrongly: it says what is wrong, and does nothing, or the log says it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

from flask_prepaid import Prepaid

OWNER = "user:1"

Call = Callable[[Prepaid], object]


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    app = Flask("host", root_path=str(tmp_path))
    database = f"sqlite:///{tmp_path}/db.sqlite3"
    app.config.update(TESTING=True, SECRET_KEY="x", SQLALCHEMY_DATABASE_URI=database)
    db = SQLAlchemy(app)
    prepaid = Prepaid(app, db, owner=lambda: OWNER, keys=True)
    with app.app_context():
        prepaid.upgrade()
    yield app
    with app.app_context():
        assert prepaid.audit() == []
        db.engine.dispose()


@pytest.fixture
def prepaid(app: Flask) -> Prepaid:
    return app.extensions["prepaid"]  # type: ignore[no-any-return]


#: What is called, and how the sentence begins that refuses it.
CALLS: list[tuple[Call, str]] = [
    *[
        (lambda prepaid, wrong=wrong: prepaid.revoke_key(OWNER, wrong), "key_id is ")
        for wrong in (None, "1", 1.0, True, 0, 2**63, "\ud800")
    ],
    *[
        (lambda prepaid, verb=verb: getattr(prepaid, verb)(OWNER, 2**63), "(endpoint|delivery|alert)_id is ")
        for verb in (
            *("remove_endpoint", "test_endpoint", "rotate_endpoint_secret"),
            *("deliveries", "send_again", "remove_alert"),
        )
    ],
    (lambda prepaid: prepaid.switch_endpoint(OWNER, None, on=False), "endpoint_id is None"),  # type: ignore[arg-type]
    *[
        (lambda prepaid, verb=verb: getattr(prepaid, verb)(7), "an owner is a text .*, not 7")
        for verb in (
            "keys",
            "revoke_keys",
            "alerts",
            "endpoints",
            "mails",
            "cards",
            "customer_id",
            "payments",
        )
    ],
    (
        lambda prepaid: prepaid.set_alert(OWNER, "balance", 50, every="month"),
        "spender and every are of an alert",
    ),
    (
        lambda prepaid: prepaid.set_alert(OWNER, "lapse", 5, spender="key:1"),
        "spender and every are of an alert",
    ),
    (lambda prepaid: prepaid.add_endpoint(OWNER, 7), "url is 7"),  # type: ignore[arg-type]
    (
        lambda prepaid: prepaid.add_endpoint(OWNER, "https://shop.example", events="credits.added"),
        "events are 'credits.added'. Write a list",
    ),
    (lambda prepaid: prepaid.note_mail(OWNER, address=7, name="w", subject="s"), "address is 7"),  # type: ignore[arg-type]
    (lambda prepaid: prepaid.note_mail(OWNER, address="a@b", name="\ud800", subject="s"), "name is "),
    (lambda prepaid: prepaid.mails(OWNER, text=7), "text is 7"),  # type: ignore[arg-type]
    (lambda prepaid: prepaid.compose_mail(7, "Hello"), "subject is 7"),  # type: ignore[arg-type]
    (lambda prepaid: prepaid.compose_mail("Hello", None), "text is None"),  # type: ignore[arg-type]
    (lambda prepaid: prepaid.refund(1, reason=7), "reason is 7. Write a text"),  # type: ignore[arg-type]
    (lambda prepaid: prepaid.refund(1, reason="\x00"), "reason is "),
    *[
        (lambda prepaid, wrong=wrong: prepaid.answer_within(wrong), "seconds is a number above 0")
        for wrong in ("4", -1, 0, True, None, float("nan"), 10**9)
    ],
]


@pytest.mark.parametrize(("call", "sentence"), CALLS)
def test_what_a_verb_cannot_take_is_refused_by_name(
    app: Flask, prepaid: Prepaid, call: Call, sentence: str
) -> None:
    with app.app_context():
        prepaid.make_key(OWNER, name="nightly job")
        prepaid.session.commit()

        with pytest.raises(ValueError, match=f"^{sentence}"):
            call(prepaid)

        assert [key.name for key in prepaid.keys(OWNER)] == ["nightly job"]
        assert (prepaid.alerts(OWNER), prepaid.endpoints(OWNER), prepaid.mails(OWNER)) == ([], [], [])


def test_what_nobody_commits_stands_in_the_log(
    app: Flask, prepaid: Prepaid, caplog: pytest.LogCaptureFixture
) -> None:
    writes: dict[str, Callable[[], object]] = {
        "gift": lambda: prepaid.grant(OWNER, 5, key="gift", reason="A gift"),
        "key": lambda: prepaid.make_key(OWNER, name="nightly job"),
    }

    @app.get("/<what>/<ending>")
    def view(what: str, ending: str) -> str:
        writes[what]()
        if ending == "broken":
            raise RuntimeError("The work went wrong.")
        if ending != "forgotten":
            getattr(prepaid.session, ending)()
        return "done"

    def warned(path: str) -> bool:
        caplog.clear()
        with suppress(RuntimeError):
            app.test_client().get(path)
        return "Call db.session.commit() after it." in caplog.text

    with caplog.at_level(logging.WARNING, "flask_prepaid"):
        assert [warned(f"/{what}/forgotten") for what in writes] == [True, True]
        assert [warned(f"/gift/{ending}") for ending in ("rollback", "broken", "commit")] == [False] * 3
    with app.app_context():
        assert (prepaid.balance(OWNER), prepaid.keys(OWNER)) == (5, [])
