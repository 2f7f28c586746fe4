"""What ``./dev`` starts in its virtual environment: check, coverage, docs, lock, matrix, release."""
