"""Run by Alembic, on the connection that the upgrade hands over."""

from alembic import context

context.configure(**context.config.attributes["context"])
with context.begin_transaction():
    context.run_migrations()
