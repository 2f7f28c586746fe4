"""Lines of the log as JSON, one object a line, each with the id that the answer has as ``X-Request-Id``."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

from flask import g, has_request_context, request


class JsonLines(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if has_request_context():
            # The rule in place of the path, which may carry what signs somebody in, as in /reset/<token>.
            rule = request.url_rule.rule if request.url_rule else ""
            line |= {"request_id": g.get("request_id", ""), "method": request.method, "path": rule}
            if request.view_args:
                line["message"] = record.getMessage().replace(request.path, rule)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def write_json() -> None:
    """Write each line of this process's log as JSON to stderr."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
