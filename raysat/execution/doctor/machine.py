"""Looks over the machine that this process runs on: what is installed, what it has, and what it lets raysat use."""

from __future__ import annotations

import importlib
import os
import platform
import resource
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from raysat.errors import ClusterError, RaysatError
from raysat.execution.doctor.check import Check
from raysat.execution.doctor.clock import clock
from raysat.execution.doctor.disks import cache, file_system, nearest, sync_speed
from raysat.execution.doctor.limits import container, processes, read_quota
from raysat.execution.doctor.requirements import gdal, requirements
from raysat.execution.doctor.speed import bytecode, cpu_steps, torch_import
from raysat.files import ObjectPath, as_path, folder_entries
from raysat.formatting import data_size
from raysat.installation import installation_error

_GLIBC: Final = (2, 28)  # the oldest that the wheels of torch run on
_SHARED: Final = 1 << 30  # bytes that Ray's object store, and workers of one trial, need between them
_SPACE: Final = 10 << 30
_LEAST_SPACE: Final = 1 << 30
_TEMPORARY: Final = 2 << 30
_FILES: Final = 8192  # open at a time
_MEMORY: Final = 4 << 30
_PORTS: Final = {6379: "head", 8265: "dashboard", 10001: "client"}  # of ``ray start --head``


def look_over(out: str) -> tuple[Check, ...]:
    """Look this machine over.

    Args:
        out: where runs go, a path or URL.

    Returns:
        What was looked at. Where a package cannot be imported, what needs it is left out.
    """
    imported, quota = torch_import(), read_quota()
    found: list[Check | None] = [Check(name="Python", found=platform.python_version()), *packages(), glibc()]
    works = all(check is None or check.level != "fault" for check in found)  # Ray and torch are there
    found += [requirements(), gdal()]
    if works:
        from raysat.execution.doctor.gpus import gpus

        found += [cores(), memory(), *gpus()]
    found += [container(quota), shared_memory(), runs(out), file_system(out), cache(), temporary_files()]
    found += [open_files(), processes(quota), clock(out), ports(), token()]
    found += [bytecode(), imported, sync_speed(out), *([cpu_steps()] if works else [])]
    return tuple(check for check in found if check is not None)


def packages() -> Iterator[Check]:
    """Whether what raysat needs can be imported, and its version."""
    for name, package in (("raysat", "raysat"), ("torch", "torch"), ("Ray", "ray")):
        try:
            yield Check(name=name, found=str(importlib.import_module(package).__version__))
        except Exception as error:  # noqa: BLE001  (whatever a broken package raises)
            cause = installation_error(error)
            yield _fault(name, cause.message if cause else str(error), cause.hint if cause else None)


def glibc() -> Check:
    """The system's C library."""
    library, version = platform.libc_ver()
    if library != "glibc":
        return Check(name="C library", found=library or platform.system())
    if tuple(map(int, version.split(".")[:2])) < _GLIBC:
        need = ".".join(map(str, _GLIBC))
        return _fault("C library", f"glibc {version}, torch needs {need}", "use a newer system, or raysat's image")
    return Check(name="C library", found=f"glibc {version}")


def cores() -> Check:
    """How many cores Ray hands out, of those that there are."""
    from ray._private.utils import get_num_cpus

    handed = int(get_num_cpus(override_docker_cpu_warning=True))
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else handed
    found = f"{handed} of {os.cpu_count()}"
    if handed > usable:
        remedy = f"start Ray yourself with --num-cpus={usable}, and give --address"
        return _warning("cores", f"Ray counts {handed}, this process may use {usable}", remedy)
    return Check(name="cores", found=found)


def memory() -> Check:
    """The memory that a container, or the machine, has for raysat."""
    from ray._common.utils import get_system_memory
    from ray._private.utils import estimate_available_memory

    whole, free = get_system_memory(), estimate_available_memory()
    found = f"{data_size(max(0, free))} free of {data_size(whole)}"
    if free < _MEMORY:
        return _warning("memory", found, "each trial takes some 2 GB on a CPU, 4 GB with a GPU: end what else runs")
    return Check(name="memory", found=found)


def shared_memory(path: Path = Path("/dev/shm")) -> Check:  # noqa: S108  (what Ray and torch use)
    """Room for Ray's object store, and for what workers of one trial exchange."""
    try:
        space = os.statvfs(path)
    except OSError as error:
        return Check(name="shared memory", found=f"no {path}: {error.strerror}")
    free, whole = space.f_bavail * space.f_frsize, space.f_blocks * space.f_frsize
    found = f"{data_size(free)} free of {data_size(whole)} in {path}"
    if free < _SHARED:
        remedy = "make it larger: docker run --shm-size=8g, or on Kubernetes an emptyDir with medium: Memory"
        return _warning("shared memory", found, remedy)
    return Check(name="shared memory", found=found)


def runs(out: str) -> Check:
    """Whether runs can be written, and how much."""
    try:
        path = as_path(out)
        if isinstance(path, ObjectPath):
            folder_entries(path)
            return Check(name="runs", found=f"{path} answers")
    except RaysatError as error:
        return _fault("runs", error.message, error.hint)
    return _disk("runs", nearest(path), out, "free some there, or write elsewhere with --out")


def _disk(name: str, folder: Path, shown: str, remedy: str) -> Check:
    space = os.statvfs(folder)
    free = space.f_bavail * space.f_frsize
    found = f"{data_size(free)} free in {shown}"
    if not (os.access(folder, os.W_OK) and folder.is_dir()) or space.f_flag & os.ST_RDONLY:
        return _fault(name, f"{shown} cannot be written", "write elsewhere with --out")
    if free < _LEAST_SPACE:
        return _fault(name, found, remedy)
    return _warning(name, found, remedy) if free < _SPACE else Check(name=name, found=found)


def temporary_files() -> Check:
    """Room for Ray's own files and logs, in a folder that is safe."""
    from raysat.execution.cluster.private_folder import private_folder, temporary_folder

    folder = temporary_folder()
    try:
        with private_folder():
            space = os.statvfs(folder)
    except ClusterError as error:
        return _fault("temporary files", error.message, error.hint)
    found = f"{data_size(free := space.f_bavail * space.f_frsize)} free in {folder}"
    if free < _TEMPORARY:
        return _warning("temporary files", found, "free some there, or set TMPDIR to a folder on another disk")
    return Check(name="temporary files", found=found)


def open_files() -> Check:
    """How many files and connections a process may have open; Ray raises its limit as far as it may."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most == resource.RLIM_INFINITY:
        return Check(name="open files", found="no limit")
    found = f"up to {most:,}"
    if most < _FILES:
        return _warning("open files", found, "raise the limit: ulimit -Hn 65536, or /etc/security/limits.conf")
    return Check(name="open files", found=found)


def ports() -> Check:
    """Whether the ports are free that a head takes; a Ray that raysat starts takes any that are."""
    taken = [f"{port} ({what})" for port, what in _PORTS.items() if _is_taken(port)]
    if taken:
        remedy = "fine where a Ray runs here; else give ray start --head other ports"
        return _warning("ports", f"{', '.join(taken)} taken", remedy)
    return Check(name="ports", found=f"{', '.join(map(str, _PORTS))} free for ray start --head")


def _is_taken(port: int) -> bool:
    with socket.socket() as there:
        there.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            there.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def token() -> Check:
    """Whether others can read the token of the user's clusters."""
    named = os.environ.get("RAY_AUTH_TOKEN_PATH")
    try:
        path = Path(named) if named else Path.home() / ".ray" / "auth_token"
        mode = stat.S_IMODE(path.stat().st_mode)
        above = stat.S_IMODE(path.parent.stat().st_mode)
    except (OSError, RuntimeError):
        if named:
            return _fault("token", f"{named} cannot be read", "RAY_AUTH_TOKEN_PATH names it: is it there?")
        return Check(name="token", found="none: clusters that ask for one refuse you")
    if mode & 0o077:
        return _fault("token", f"others can read {path}", f"chmod 600 {path}")
    if above & 0o022 and not above & stat.S_ISVTX:
        return _fault("token", f"others can replace {path}", f"chmod 700 {path.parent}")
    return Check(name="token", found=f"{path}, yours alone")


def _fault(name: str, found: str, remedy: str | None) -> Check:
    return Check(name=name, found=found, level="fault", remedy=remedy)


def _warning(name: str, found: str, remedy: str) -> Check:
    return Check(name=name, found=found, level="warning", remedy=remedy)
