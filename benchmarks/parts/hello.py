"""Flask's hello-world as JSON: what the server and the framework cost by themselves."""

from __future__ import annotations

from flask import Flask, Response, jsonify

app = Flask(__name__)


@app.get("/")
def hello() -> Response:
    return jsonify(status="SUCCESS", number=7)
