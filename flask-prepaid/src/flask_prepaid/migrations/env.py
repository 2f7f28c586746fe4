"""Run by Alembic, on the connection that ``upgrade.py`` hands over."""

from alembic import context

from flask_prepaid.upgrade import VERSION_TABLE
from prepaid_ledger.database import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table=VERSION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()
