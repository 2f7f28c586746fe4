"""What ``./dev campaign mutants`` is made of: rules that change a line, what is changed, and how it is tried.

Imports the standard library and pytest.
"""
