"""Looks over the clock: against the files that are here, the disk of the runs, or the object store; in UTC throughout.

An object store refuses requests that are a quarter of an hour off; leases, heartbeats and logs of a run compare the
clocks of several machines.
"""

from __future__ import annotations

import ctypes
import os
import time
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final

import raysat
from raysat.errors import RaysatError
from raysat.execution.doctor.check import Check
from raysat.execution.doctor.disks import nearest, scratch
from raysat.files import ObjectPath, as_path
from raysat.formatting import duration

_OFF_S: Final = 30.0  # by which a clock may be off: as long as a run may be silent before it is taken for dead
_REFUSED_S: Final = 900.0  # from which on S3 refuses requests
_UNSYNCHRONISED: Final = 5  # TIME_ERROR of adjtimex
_TIMEX_BYTES: Final = 512  # more than its structure has anywhere
_ANSWER_S: Final = 3.0
_REMEDY: Final = "set the clock, and let NTP keep it: timedatectl set-ntp true; a container has its host's clock"


def clock(out: str) -> Check:
    """Whether the clock is right, as far as can be told from here.

    Args:
        out: where runs go, a path or URL.
    """
    now, own = time.time(), Path(raysat.__file__).stat().st_mtime
    says = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d %H:%M UTC")
    if now < own - _OFF_S:
        return Check(name="clock", found=f"says {says}, before raysat was installed", level="fault", remedy=_REMEDY)
    place, off = _offset(out)
    if off is not None and abs(off) > _OFF_S:
        found = f"{duration(abs(off))} {'ahead of' if off > 0 else 'behind'} {place}"
        refused = abs(off) > _REFUSED_S and place == "the object store"
        return Check(name="clock", found=found, level="fault" if refused else "warning", remedy=_REMEDY)
    kept = {True: ", kept by NTP", False: ", not kept by NTP", None: ""}[synchronised()]
    found = f"{says}{kept}"
    return Check(name="clock", found=found if off is None else f"{found}, as by {place}")


def node_clock(started: float, ended: float, asked: float, answered: float) -> Check:
    """How far a node's clock is off at least: it began and ended its work between question and answer.

    Args:
        started: when the node began, by its clock, seconds since 1970.
        ended: when it was done, by its clock.
        asked: when it was asked, by this machine's clock.
        answered: when its answer was there, by this machine's clock.

    Returns:
        A warning where it is off by more than questions and answers take.
    """
    off = max(0.0, ended - answered) - max(0.0, asked - started)
    if abs(off) > _OFF_S:
        found = f"{duration(abs(off))} or more {'ahead of' if off > 0 else 'behind'} the driver's"
        return Check(name="clock of the node", found=found, level="warning", remedy=_REMEDY)
    return Check(name="clock of the node", found="as the driver's")


def synchronised() -> bool | None:
    """Whether something keeps the system's clock right, as the kernel knows it; None where that cannot be asked."""
    with suppress(OSError, AttributeError, ValueError):
        state = int(ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES)))  # asks; sets nothing
        return None if state < 0 else state != _UNSYNCHRONISED
    return None


def endpoint(path: ObjectPath) -> str | None:
    """The address by which an object store is asked for the time; None where that is not known."""
    env = os.environ.get
    match path.scheme:
        case "s3":
            named = env("AWS_ENDPOINT_URL_S3") or env("AWS_ENDPOINT_URL") or env("AWS_ENDPOINT")
            region = env("AWS_REGION") or env("AWS_DEFAULT_REGION") or "us-east-1"
            return named or f"https://s3.{region}.amazonaws.com"
        case "gs":
            return "https://storage.googleapis.com"
        case "az":
            account = env("AZURE_STORAGE_ACCOUNT_NAME")
            return f"https://{account}.blob.core.windows.net" if account else None
        case _:
            return None


def server_offset(url: str) -> float | None:
    """Seconds that this clock is ahead of a server's, by the date in its answer; None without one."""
    import requests

    before = time.time()
    try:
        answer = requests.head(url, timeout=_ANSWER_S, allow_redirects=False)
        there = parsedate_to_datetime(answer.headers["Date"])
    except (requests.RequestException, KeyError, ValueError):
        return None
    if there.tzinfo is None:
        return None
    return (before + time.time()) / 2 - there.timestamp()


def disk_offset(folder: Path) -> float | None:
    """Seconds that this clock is ahead of a disk's, of a network disk its server's; None where it cannot be written."""
    with suppress(OSError), scratch(folder) as file:
        os.write(file, b"0")
        os.fsync(file)
        return time.time() - os.fstat(file).st_mtime
    return None


def _offset(out: str) -> tuple[str, float | None]:
    """What the clock is compared with, and how far it is ahead of that."""
    try:
        path = as_path(out)
    except RaysatError:  # said elsewhere
        return "", None
    if isinstance(path, ObjectPath):
        url = endpoint(path)
        return "the object store", None if url is None else server_offset(url)
    return "the disk of the runs", disk_offset(nearest(path))
