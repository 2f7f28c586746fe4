"""What ``./dev`` installs first, and what it starts then: check, coverage, docs, lock, matrix, release."""
