"""In which sessions of a caller a ledger writes: those that lead to its own database, by whatever address.

What only reads is read wherever the session leads to.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, Insert, Update, create_engine, event, text
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from prepaid_ledger import Entry, Ledger, UnfitDatabase
from prepaid_ledger.testing import Databases

from .books import OWNER, Books

pytestmark = pytest.mark.each_database


class OfTenant(Session):
    """A session that chooses the engine by whose request it is."""

    def __init__(self, engines: dict[str, Engine], tenant: str = "a", **options: Any) -> None:
        super().__init__(**options)
        self.engines, self.tenant = engines, tenant

    def get_bind(self, *_args: Any, **_terms: Any) -> Engine:
        return self.engines[self.tenant]


class WithReplica(Session):
    """A session that reads from a replica: before it writes, or always, as SQLAlchemy's documentation has it.

    https://docs.sqlalchemy.org/en/20/orm/persistence_techniques.html#custom-vertical-partitioning
    """

    def __init__(self, primary: Engine, replica: Engine, *, always: bool) -> None:
        super().__init__()
        self.primary, self.replica, self.always = primary, replica, always
        self.has_written = False

    def get_bind(self, mapper: Any = None, *, clause: Any = None, **_terms: Any) -> Engine:
        assert mapper is None or mapper.class_
        writes = self._flushing or isinstance(clause, Insert | Update)
        self.has_written = self.has_written or writes
        return self.primary if writes or (self.has_written and not self.always) else self.replica


@pytest.fixture
def other(databases: Databases, kind: str) -> Iterator[Engine]:
    """A database with another ledger."""
    url = databases.fresh(kind)
    engine = create_engine(url)
    yield engine
    engine.dispose()
    databases.drop(url)


def give(ledger: Ledger, key: str = "gift:1") -> Entry:
    return ledger.grant(OWNER, 7, key=key, reason="a gift")


def test_a_session_of_another_database_is_refused_by_what_writes(books: Books, other: Engine) -> None:
    with Session(other) as session, pytest.raises(UnfitDatabase, match="This session writes to") as no:
        give(books.unjoined.on(session))

    assert str(other.url.database) in str(no.value)
    assert Ledger(other).entries(OWNER) == []


@pytest.mark.parametrize("is_scoped", [False, True])
def test_where_a_session_leads_to_is_seen_anew_by_each_verb(
    books: Books, other: Engine, is_scoped: bool
) -> None:
    engines = {"a": books.engine, "b": other}
    sessions: Any = scoped_session(sessionmaker(class_=OfTenant, engines=engines))
    session = sessions()
    ledger = books.unjoined.on(sessions if is_scoped else session)
    give(ledger)
    session.commit()

    session.tenant = "b"
    with pytest.raises(UnfitDatabase):
        give(ledger)
    session.close()
    with OfTenant(engines, "b") as of_b, pytest.raises(UnfitDatabase):
        give(books.unjoined.on(of_b))

    assert Ledger(other).entries(OWNER) == []


def test_what_only_reads_is_read_where_the_session_leads_to(books: Books, other: Engine) -> None:
    with Session(other) as replica:
        give(Ledger(other).on(replica))
        replica.commit()

        assert books.unjoined.on(replica).balance(OWNER) == 7

    assert books.unjoined.balance(OWNER) == 0


def test_a_session_that_reads_from_a_replica_until_it_writes_is_one_of_the_ledger(
    books: Books, other: Engine
) -> None:
    with WithReplica(books.engine, other, always=False) as session:
        ledger = books.unjoined.on(session)
        assert ledger.balance(OWNER) == 0
        assert session.get_bind() is other
        session.rollback()

        give(ledger)
        session.commit()

    assert books.unjoined.balance(OWNER) == 7


def test_a_session_that_reads_from_a_replica_while_it_writes_is_refused(books: Books, other: Engine) -> None:
    with WithReplica(books.engine, other, always=True) as session:
        with pytest.raises(UnfitDatabase, match="This session reads from"):
            give(books.unjoined.on(session))
        session.rollback()

        assert books.unjoined.on(session).balance(OWNER) == 0


def test_a_session_that_reaches_the_database_by_another_address_asks_it_once(books: Books) -> None:
    name = "timeout" if books.engine.dialect.name == "sqlite" else "application_name"
    by_other_address = create_engine(books.engine.url.update_query_dict({name: "7"}))
    statements: list[str] = []
    event.listen(by_other_address, "before_cursor_execute", lambda *call: statements.append(call[2]))

    for key in ("gift:1", "gift:2"):
        with Session(by_other_address) as session:
            give(books.unjoined.on(session), key)
            session.commit()

    assert books.unjoined.balance(OWNER) == 14
    looked = [each for each in statements if "database_list" in each or "pg_postmaster_start_time" in each]
    assert len(looked) == 1
    by_other_address.dispose()


def test_a_session_whose_engine_has_options_of_its_own_takes_no_second_connection(books: Books) -> None:
    """A host makes such an engine for each request, as its documentation has it; its pool may have few."""
    small = create_engine(books.engine.url, pool_size=1, max_overflow=0, pool_timeout=0)
    ledger = Ledger(small)

    for key in ("gift:1", "gift:2"):
        with Session(small.execution_options(logging_token=key)) as session:
            session.execute(text("SELECT 1"))
            give(ledger.on(session), key)
            session.commit()

    assert ledger.balance(OWNER) == 14
    small.dispose()


@pytest.mark.parametrize("reads_first", [True, False])
def test_what_was_written_in_a_savepoint_is_rolled_back_with_the_transaction(
    books: Books, reads_first: bool
) -> None:
    """Also where that is the first thing in it: to SQLite it would be a transaction of its own."""
    with Session(books.engine) as session:
        if reads_first:
            assert books.unjoined.on(session).balance(OWNER) == 0
        with session.begin_nested():
            give(books.unjoined.on(session))
        inner = session.begin_nested()
        give(books.unjoined.on(session), "gift:2")
        inner.rollback()
        assert books.unjoined.on(session).balance(OWNER) == 7
        session.rollback()
    assert books.unjoined.balance(OWNER) == 0

    with Session(books.engine) as session:
        with session.begin_nested():
            give(books.unjoined.on(session))
        session.commit()
    assert books.unjoined.balance(OWNER) == 7


@pytest.mark.parametrize("way", ["by its engine", "by its connection", "by its transaction"])
def test_a_session_that_commits_each_statement_is_refused(books: Books, way: str) -> None:
    """One that does could not roll a spend back, and holds no lock from one statement to the next."""
    with (
        session_with({"isolation_level": "AUTOCOMMIT"}, books, way) as session,
        pytest.raises(UnfitDatabase, match=r"^This session commits each statement by itself"),
    ):
        give(books.unjoined.on(session))

    by_itself = create_engine(books.engine.url, isolation_level="AUTOCOMMIT")
    with Session(by_itself) as session, pytest.raises(UnfitDatabase, match="commits each statement"):
        give(books.unjoined.on(session))

    assert books.unjoined.entries(OWNER) == []
    by_itself.dispose()


@pytest.mark.parametrize("kind", ["postgresql"])
@pytest.mark.parametrize("is_in_address", [True, False])
def test_another_schema_of_the_same_database_is_another_ledgers(books: Books, is_in_address: bool) -> None:
    with books.engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA tenant_b CREATE TABLE prepaid_wallet (id int)"))
    options, url = {"options": "-csearch_path=tenant_b"}, books.engine.url
    if is_in_address:
        tenants = create_engine(url.update_query_dict(options))
    else:
        tenants = create_engine(url, connect_args=options)

    with Session(tenants) as session, pytest.raises(UnfitDatabase, match="writes to another schema of post"):
        give(books.unjoined.on(session))

    tenants.dispose()


@pytest.mark.parametrize("kind", ["postgresql"])
def test_a_refusal_says_where_a_session_leads_to_and_shows_nobodys_name_or_password(
    books: Books, other: Engine
) -> None:
    secret = {"password": "hush-hush", "connect_timeout": "7"}
    by_password = create_engine(other.url.update_query_dict(secret))

    with Session(by_password) as session, pytest.raises(UnfitDatabase) as no:
        give(books.unjoined.on(session))

    assert f"/{other.url.database}" in str(no.value)
    assert f"/{books.engine.url.database}" in str(no.value)
    for hidden in ("hush-hush", f"{other.url.username}@", "connect_timeout"):
        assert hidden not in str(no.value)
    by_password.dispose()


@contextmanager
def session_with(options: Any, books: Books, way: str) -> Iterator[Session]:
    """A session on the ledger's database that has these options, by one of the ways to say so."""
    if way == "by its engine":
        with Session(books.engine.execution_options(**options)) as session:
            yield session
    elif way == "by its connection":
        with books.engine.connect().execution_options(**options) as bound, Session(bound) as session:
            yield session
    else:
        with Session(books.engine) as session:
            session.connection(execution_options=options)
            yield session


def in_schema(name: str) -> Any:
    return {"schema_translate_map": {None: name}}


@pytest.mark.parametrize("way", ["by its engine", "by its connection", "by its transaction"])
def test_a_session_whose_tables_are_in_another_schema_is_refused(books: Books, way: str) -> None:
    with (
        session_with(in_schema("tenant_b"), books, way) as session,
        pytest.raises(UnfitDatabase, match="This session writes to the schema 'tenant_b', and the ledger"),
    ):
        give(books.unjoined.on(session))

    assert books.unjoined.entries(OWNER) == []


@pytest.mark.parametrize("way", ["by its engine", "by its connection", "by its transaction"])
def test_a_session_that_names_the_schema_that_the_tables_are_in_is_one_of_the_ledger(
    books: Books, way: str
) -> None:
    own = "main" if books.engine.dialect.name == "sqlite" else "public"
    with session_with(in_schema(own), books, way) as session:
        give(books.unjoined.on(session))
        session.commit()

    assert books.unjoined.balance(OWNER) == 7
