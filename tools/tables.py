"""Writes every list of the reference that is made from the code: ``python -m tools.tables``.

``journeys/test_reference.py`` holds that it was done.
"""

from __future__ import annotations

from . import (
    api_table,
    emulator_tables,
    names_tables,
    personal_data_table,
    rows_table,
    settings_table,
    webhooks_table,
)

#: What is written: settings, the JSON API, rows, lists of names, what webhooks are sent, a customer's data,
#: what the emulator takes.
TABLES = (
    *(settings_table, api_table, rows_table, names_tables),
    *(webhooks_table, personal_data_table, emulator_tables),
)


def main() -> None:
    for table in TABLES:
        table.write()


if __name__ == "__main__":
    main()
