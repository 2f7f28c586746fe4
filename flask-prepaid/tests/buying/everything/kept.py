"""A shop that goes back: its books and Stripe's as they were at a moment, as often as is wanted."""

from __future__ import annotations

import shutil

from sqlalchemy import URL

from prepaid_ledger.testing import maintain, new_database, postgresql

from ..shop import Shop

NAME = "kept"


class Kept:
    """Keep a shop as it is now. ``go_back`` is cheap: files are copied, and nothing is built anew."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.operators = shop.prepaid.operators
        self.url: URL = shop.app.config["SQLALCHEMY_DATABASE_URI"]
        self.copy = f"{self.url.database}_{NAME}"
        self.let_go()
        if self.url.drivername == "sqlite":
            shutil.copyfile(str(self.url.database), self.copy)
        else:
            new_database(self.copy, template=self.url.database)
        shop.stripe.save(NAME)

    def go_back(self) -> None:
        """The books, Stripe, its clock, and whom the host has shut out, as they were."""
        self.let_go()
        if self.url.drivername == "sqlite":
            shutil.copyfile(self.copy, str(self.url.database))
        else:
            maintain(postgresql(), f'DROP DATABASE "{self.url.database}" WITH (FORCE)')
            new_database(str(self.url.database), template=self.copy)
        self.shop.stripe.load(NAME)
        self.shop.prepaid.operators = self.operators

    def let_go(self) -> None:
        """Close what is connected to the database: a file is whole, and a database can be copied."""
        with self.shop.app.app_context():
            self.shop.db.engine.dispose()
