"""Where a database is, for messages and logs: nobody's password stands there."""

from __future__ import annotations

from sqlalchemy import URL

#: What of a URL's query says where the database is. A password may stand in the rest.
PLACES = ("host", "port")


def address_of(url: URL) -> str:
    """Where a database is, without who asks and how."""
    places = {name: url.query[name] for name in PLACES if name in url.query}
    kind = url.get_backend_name()
    return str(URL.create(kind, host=url.host, port=url.port, database=url.database, query=places))
