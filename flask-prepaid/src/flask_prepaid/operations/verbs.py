"""The verbs of metrics and of a customer's data, which ``Prepaid`` has."""

from __future__ import annotations

from types import ModuleType

from prepaid_ledger import check_owner

from ..context import Context
from ..errors import ConfigError
from .personal_data import PersonalData


class OperationVerbs:
    """Count what a process does, show it with what the books know, and copy what is kept of an owner."""

    def count_metrics(self: Context) -> None:
        """Count from now on what this process does, for ``metrics``.

        Call it where the app is served, once for each process.

        :raises ConfigError: prometheus_client is not installed.
        """
        _metrics().begin(self)

    def metrics(self: Context) -> bytes:
        """Fourteen series as Prometheus reads them: what ``count_metrics`` counts, and what the books know.

        Show it to nobody but your Prometheus.

        :raises ConfigError: prometheus_client is not installed.
        """
        exposition: bytes = _metrics().exposition(self)
        return exposition

    def personal_data(self: Context, owner: str) -> PersonalData:
        """What is kept of an owner, for who asks for a copy of their data. Nothing is read before it is used.

        Write what its ``sections()`` yield into one file: a name, and pages of rows, each a dict. Times have
        their zone. Secrets, digests and operators' notes are left out.

        :returns: It has ``sections()``, and ``archived_until`` once ``entries`` was read to its end.
        :raises ValueError: No such owner can be.
        """
        check_owner(owner)
        return PersonalData(self, owner)


def _metrics() -> ModuleType:
    try:
        from . import metrics  # it needs prometheus_client, which a host may lack
    except ModuleNotFoundError as missing:
        raise ConfigError(
            f'Metrics need {missing.name}. Run: pip install "flask-prepaid[metrics]"'
        ) from missing
    return metrics
