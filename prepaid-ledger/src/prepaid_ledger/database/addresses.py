"""Where a database is, as it is read, and as messages and logs show it: without a password."""

from __future__ import annotations

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

#: What of a URL's query says where the database is. A password may stand in the rest.
PLACES = ("host", "port")


def url_of(text: str) -> URL:
    """The URL of a database that a text is.

    :raises ArgumentError: It is none. The error shows nothing of it: SQLAlchemy's own shows what it takes for
        the port, which may be the end of a password.
    """
    try:
        return make_url(text)
    except ValueError:
        raise ArgumentError("its port is no number; an @ in a password is written as %40") from None


def address_of(url: URL) -> str:
    """Where a database is, without who asks and how."""
    places = {name: url.query[name] for name in PLACES if name in url.query}
    kind = url.get_backend_name()
    return str(URL.create(kind, host=url.host, port=url.port, database=url.database, query=places))
