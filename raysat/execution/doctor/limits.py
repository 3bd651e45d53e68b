"""Looks over what a container, or a user's limits, leave of a machine: CPUs, memory, processes."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from raysat.execution.doctor.check import Check
from raysat.formatting import data_size

_PROCESSES: Final = 2048  # and threads: a Ray on few cores has some hundred, each worker dozens more
_MEMORY: Final = 4 << 30
_NO_LIMIT: Final = 1 << 60  # what version 1 of control groups says where there is none is larger
_THROTTLED: Final = 0.2  # share of periods in which a quota held the processes up

CGROUPS: Final = Path("/sys/fs/cgroup")
OWN: Final = Path("/proc/self/cgroup")


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """What control groups allow; None where they set no limit."""

    cpus: float | None = None
    memory: int | None = None  # bytes
    processes: int | None = None  # threads count, too
    throttled: float | None = None  # share of periods in which the CPU quota was used up


def read_quota(root: Path = CGROUPS, own: Path = OWN) -> Quota:
    """Read the tightest limits of this process's control groups and of those above them, of version 1 or 2.

    Args:
        root: where control groups are mounted.
        own: which ones this process is in, as ``/proc/self/cgroup`` says it.
    """
    cpus, memory, processes, throttled = [], [], [], []
    for folder in _folders(root, own):
        times = _words(folder / "cpu.max") or [_word(folder / f"cpu.cfs_{name}_us") for name in ("quota", "period")]
        if len(times) == 2 and all(word.isdigit() for word in times) and int(times[1]):
            cpus.append(int(times[0]) / int(times[1]))
        memory += _numbers(folder, "memory.max", "memory.limit_in_bytes")
        processes += _numbers(folder, "pids.max")
        counts = {name: int(word) for name, _, word in map(_pair, _lines(folder / "cpu.stat")) if word.isdigit()}
        if counts.get("nr_periods"):
            throttled.append(counts.get("nr_throttled", 0) / counts["nr_periods"])
    return Quota(
        cpus=min(cpus, default=None),
        memory=min(memory, default=None),
        processes=min(processes, default=None),
        throttled=max(throttled, default=None),
    )


def container(quota: Quota) -> Check:
    """What control groups allow: Docker, Kubernetes, Slurm and systemd limit by these.

    Args:
        quota: the limits.
    """
    named = [f"{quota.cpus:g} CPUs" if quota.cpus is not None else "", data_size(quota.memory) if quota.memory else ""]
    found = ", ".join(filter(None, named)) or "no limit of CPUs or memory"
    if quota.memory is not None and quota.memory < _MEMORY:
        remedy = "a trial takes some 2 GB: give the container more (docker run --memory, resources.limits.memory)"
        return Check(name="container", found=found, level="warning", remedy=remedy)
    if quota.throttled is not None and quota.throttled > _THROTTLED:
        found += f"; its CPUs were used up in {100 * quota.throttled:.0f} % of periods"
        remedy = "give it more CPUs, or run fewer jobs at a time: --max-concurrent"
        return Check(name="container", found=found, level="warning", remedy=remedy)
    return Check(name="container", found=found)


def processes(quota: Quota) -> Check:
    """How many processes and threads there may be.

    Args:
        quota: the limits of control groups.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_NPROC)
    is_free = limit == resource.RLIM_INFINITY or os.geteuid() == 0  # root has no such limit
    of_user: int | None = None if is_free else limit
    if quota.processes is not None and (of_user is None or quota.processes < of_user):
        least: int | None = quota.processes
        remedy = "raise it: docker run --pids-limit=-1, or the kubelet's podPidsLimit"
    else:
        least, remedy = of_user, "raise the limit: ulimit -u 65536, or /etc/security/limits.conf"
    if least is None:
        return Check(name="processes", found="no limit")
    found = f"up to {least:,} with their threads"
    if least < _PROCESSES:
        return Check(name="processes", found=found, level="warning", remedy=remedy)
    return Check(name="processes", found=found)


def _folders(root: Path, own: Path) -> Iterator[Path]:
    """Folders of the control groups that this process is in, and of those above: in a container often the root's."""
    for line in _lines(own):
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers:
            tops: tuple[Path, ...] = (root, root / "unified")
        elif {"cpu", "memory", "pids"} & set(controllers.split(",")):
            tops = (root / controllers, *(root / name for name in controllers.split(",")))
        else:
            continue
        for top in dict.fromkeys(tops):
            folder = top if ".." in path else top / path.strip("/")  # of a group above what is to be seen here
            while folder.is_relative_to(top):
                if folder.is_dir():
                    yield folder
                folder = folder.parent


def _pair(line: str) -> tuple[str, str, str]:
    return line.partition(" ")


def _numbers(folder: Path, *names: str) -> list[int]:
    """The limits that files of a folder set; what says ``max`` sets none."""
    words = (_word(folder / name) for name in names)
    return [int(word) for word in words if word.isdigit() and int(word) < _NO_LIMIT]


def _word(file: Path) -> str:
    return next(iter(_words(file)), "")


def _words(file: Path) -> list[str]:
    return next(iter(_lines(file)), "").split()


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []
