"""The verbs of metrics, which ``Prepaid`` has."""

from __future__ import annotations

from types import ModuleType

from ..context import Context
from ..errors import ConfigError


class MetricVerbs:
    """Count what a process does, and show it with what the books know."""

    def count_metrics(self: Context) -> None:
        """Count from now on what this process does, for ``metrics``.

        Call it where the app is served, once for each process.

        :raises ConfigError: prometheus_client is not installed.
        """
        _metrics().begin(self)

    def metrics(self: Context) -> bytes:
        """Thirteen series as Prometheus reads them: what ``count_metrics`` counts, and what the books know.

        Show it to nobody but your Prometheus.

        :raises ConfigError: prometheus_client is not installed.
        """
        exposition: bytes = _metrics().exposition(self)
        return exposition


def _metrics() -> ModuleType:
    try:
        from . import metrics  # it needs prometheus_client, which a host may lack
    except ModuleNotFoundError as missing:
        raise ConfigError(
            f'Metrics need {missing.name}. Run: pip install "flask-prepaid[metrics]"'
        ) from missing
    return metrics
