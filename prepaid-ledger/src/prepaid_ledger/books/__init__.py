"""The only writer of credits. Imports the database, errors and clock."""
