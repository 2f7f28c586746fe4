"""The ten ways in which a cluster is broken. Each ends with everything started again."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

from .nodes import Cluster, send

#: How long something stands still: longer than the lease of the leader, 20 s.
STILL_S = 40.0

Event = Callable[[Cluster], None]


def switchover(cluster: Cluster) -> None:
    """An operator hands the lead over."""
    primary, candidate = cluster.primary, cluster.synchronous[0]
    primary.ask("/switchover", leader=primary.name, candidate=candidate.name)


def server_killed(cluster: Cluster) -> None:
    """The primary's PostgreSQL is killed with -9; its Patroni is not."""
    for pid in cluster.primary.pids()[:1]:
        send(pid, signal.SIGKILL)


def node_killed(cluster: Cluster) -> None:
    """The primary loses its power, and comes back."""
    node = cluster.primary
    node.kill()
    time.sleep(STILL_S)
    node.patroni.start()


def patroni_frozen(cluster: Cluster) -> None:
    """The primary's Patroni stands still for longer than its lease, and wakes."""
    node = cluster.primary
    node.patroni.signal(signal.SIGSTOP)
    time.sleep(STILL_S)
    node.patroni.signal(signal.SIGCONT)


def node_frozen(cluster: Cluster) -> None:
    """The whole primary stands still for longer than its lease, and wakes, and believes that it leads."""
    pids = cluster.primary.all_pids()
    for pid in pids:
        send(pid, signal.SIGSTOP)
    time.sleep(STILL_S)
    for pid in pids:
        send(pid, signal.SIGCONT)


def standby_killed(cluster: Cluster) -> None:
    """The synchronous standby loses its power, and comes back."""
    node = (cluster.synchronous or cluster.standbys)[0]
    node.kill()
    time.sleep(STILL_S / 2)
    node.patroni.start()


def both_standbys_killed(cluster: Cluster) -> None:
    """Nobody is left but the primary."""
    nodes = cluster.standbys
    for node in nodes:
        node.kill()
    time.sleep(STILL_S)
    for node in nodes:
        node.patroni.start()


def etcd_killed(cluster: Cluster) -> None:
    """One of three members of etcd is killed, and comes back."""
    cluster.etcds[0].kill()
    time.sleep(STILL_S / 2)
    cluster.etcds[0].start()


def all_etcd_frozen(cluster: Cluster) -> None:
    """No etcd answers for longer than the lease. The primary reaches both others, and goes on."""
    for process in cluster.etcds:
        process.signal(signal.SIGSTOP)
    time.sleep(STILL_S)
    for process in cluster.etcds:
        process.signal(signal.SIGCONT)


def log_held_back(cluster: Cluster) -> None:
    """The primary sends its log to nobody for some seconds; then it loses its power, and comes back.

    Standbys that only took nothing in would find it in the system's buffers afterwards.
    """
    node = cluster.primary
    held = node.senders()
    for pid in held:
        send(pid, signal.SIGSTOP)
    time.sleep(5)
    node.kill()
    time.sleep(STILL_S)
    node.patroni.start()


EVENTS: dict[str, Event] = {
    event.__name__: event
    for event in (
        switchover,
        server_killed,
        node_killed,
        patroni_frozen,
        node_frozen,
        standby_killed,
        both_standbys_killed,
        etcd_killed,
        all_etcd_frozen,
        log_held_back,
    )
}
