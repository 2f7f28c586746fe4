"""The processor time of programs, by ``/proc``: a busy machine changes it less than the wall clock."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

TICKS_S = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """The processor time of a process and all below it so far, in seconds; that of those who ended, too."""
    times, children = {}, defaultdict(list)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _fields(int(entry.name))):
            children[int(fields[1])].append(int(entry.name))
            times[int(entry.name)] = sum(map(int, fields[11:15])) / TICKS_S
    family, total = [pid], 0.0
    while family:
        member = family.pop()
        total += times.get(member, 0.0)
        family += children[member]
    return total


def _fields(pid: int) -> list[str]:
    """What ``/proc/PID/stat`` says after the program's name; nothing if the process has gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
