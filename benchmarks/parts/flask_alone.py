"""Rando Number with every call through Flask, the lane left out."""

from __future__ import annotations

from flask import Flask

from rando_number import create_app

app = create_app()
app.wsgi_app = Flask.wsgi_app.__get__(app)  # type: ignore[method-assign]
