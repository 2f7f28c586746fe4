"""The database below the books: durable commits, column types, upserts. Imports errors alone."""
